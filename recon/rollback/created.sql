-- What shows which rows of {entity} a run created. Times are UTC without zone, by the database's clock.

-- name: records
-- One row per row that records of the run have, with the verdict on it. A mapping that another run wrote before this one
-- ended, and that this one did not renew, contradicts the record.
select r.id, is_created or is_undecided as is_created, created_at,
       case when not is_created and is_undecided then 'its record does not say what the importer did'
            when not is_named then $other_id
            when not is_created and (updated_at is null or $edited_after is null)
            then 'nothing shows whether it was edited after the run'
            when not is_created and updated_at > $edited_after then 'it was edited after the run: ' || updated_at
            when not is_created and updated_at < $started_at then 'its updated_at does not lie within the run: ' || updated_at
            when not is_created and is_altered then 'it differs from its record, so it is not what the run wrote'
            when not is_created then null
            when not is_named_by_creation then $other_id
            when created_at is null then 'it has no created_at'
            when created_at < $started_at then 'it is older than the run: created ' || created_at
            when created_at > $ended_at then 'it is newer than the run: created ' || created_at
            when o.run_id is not null then 'its id mapping names another run, and was written before this run ended: ' || o.run_id
            when updated_at > $edited_after then 'it was edited after the run: ' || updated_at
            when is_altered and (updated_at is null or $edited_after is null)
            then 'it differs from its record, and nothing shows whether it was edited after the run'
            when $edited_after is null and updated_at > created_at + interval 1 minute
            then 'it was written again at ' || updated_at || ', and nothing shows whether that was the run' end as why
from (
  select as_key(cast(l.target_id as varchar)) as id, any_value(t.created_at) as created_at, any_value(t.updated_at) as updated_at,
         coalesce(bool_or(l.action = 'create'), false) as is_created,
         bool_or(coalesce(l.action, '') not in ('create', 'update')) as is_undecided,
         bool_or(l.claimed_id is null or l.matched_by = 'target id') as is_named,
         coalesce(bool_or(l.action = 'create' and (l.claimed_id is null or l.matched_by = 'target id')), false)
           as is_named_by_creation,
         bool_or(l.outcome = 'landed_altered') as is_altered
  from ledger.{entity} l join target.{entity} t on t.id = l.target_id
  where l.record is not null and l.outcome in ('landed', 'landed_altered', 'merged') and l.action is distinct from 'skip'
  group by l.target_id) r
left join ({others}) o on o.id = r.id
order by r.id

-- name: others
-- One row per row whose id mappings all name other runs, which wrote them before this one ended: its id and one of them.
select as_key(cast(target_id as varchar)) as id, min(run_id) as run_id from target.id_mappings
where lower(trim(entity_type)) in ({names})
group by 1
having bool_and(coalesce(run_id <> '' and run_id <> $run_id and greatest(synced_at, updated_at) <= $ended_at, false))

-- name: said
-- What the records say that the importer did, without those that it rejected.
select count(*) filter (action = 'create') as created,
       count(*) filter (coalesce(action, '') not in ('create', 'update', 'skip')) as undecided
from ledger.{entity} where record is not null and outcome <> 'rejected'

-- name: unclaimed
-- Number of rows that no record has, created within the run.
select count(*) as n from ledger.{entity} l join target.{entity} t on t.id = l.target_id
where l.record is null and t.created_at between $started_at and $ended_at

-- name: clocks
-- Number of mappings that the run wrote, by the times on them, within a span and in all.
select count(*) filter (moment between $started_at and $ended_at) as within, count(*) as n
from (select greatest(synced_at, updated_at) as moment from target.id_mappings where run_id = $run_id) where moment is not null

-- name: lost
-- One row per id that the bundle gives to a record that the run created, and that no row has.
select distinct as_key(claimed_id) as id from ledger.{entity}
where record is not null and claimed_id <> '' and action = 'create'
  and as_key(claimed_id) not in (select as_key(cast(id as varchar)) from target.{entity} where id is not null)
order by id

-- name: stamps
-- One row per row whose created_at lies within the run; whose: why it is not the run's, null: nothing contradicts it.
select as_key(cast(t.id as varchar)) as id, true as is_created,
       case when updated_at > $edited_after then 'it was edited after the run: ' || updated_at end as why,
       case when o.run_id is not null then 'other run'
            when $are_exported and t.id not in (select target_id from ledger.{entity} where record is not null and target_id is not null)
            then 'no export has its record'
            when $are_listed and as_key(cast(t.id as varchar)) not in (
              select as_key(target_id) from source.id_mappings where entity_type = $entity and target_id <> '')
            then 'not in the id mapping of the bundle'
            when $are_mapped and as_key(cast(t.id as varchar)) not in (
              select as_key(cast(target_id as varchar)) from target.id_mappings
              where target_id is not null and lower(trim(entity_type)) in ({names}))
            then 'not in the id mappings of the database' end as whose
from target.{entity} t left join ({others}) o on o.id = as_key(cast(t.id as varchar))
where created_at between $started_at and $ended_at
order by 1

-- name: identified
-- Whether bundle and database map ids of the run's rows.
select (select count(*) from source.id_mappings where entity_type = $entity and target_id <> '') > 0 as are_listed,
       (select count(*) from target.id_mappings where run_id = $run_id and lower(trim(entity_type)) in ({names})) > 0 as are_mapped

-- name: remembered
-- Whether an id mapping names one of these rows that the run created and that are gone.
select count(*) > 0 as is_any from target.id_mappings
where lower(trim(entity_type)) in ({names}) and as_key(cast(target_id as varchar)) in (select unnest($lost::varchar[]))

-- name: mapped
-- One row per row that an id mapping of the run names. A mapping that was there before is renewed by every later run.
-- Where most rows are mapped at once, one that was mapped much later than it was created may be somebody else's.
select id, true as is_created,
       case when created_at is null then 'it has no created_at'
            when created_at < $started_at then 'it was created before the run began: ' || created_at
            when created_at > $ended_at then 'it was created after the run wrote its last id mapping: ' || created_at
            when created_at > synced_at + interval 1 minute then 'it was created after its id mapping: ' || created_at
            when is_renewed then 'its id mapping was there before, and the run renewed it'
            when is_renewed is null and not $is_start_known
            then 'nothing shows whether its id mapping was there before: name the start of the run with --started-at'
            when gap > greatest(interval 1 minute, 10 * usual_gap)
            then 'it was mapped long after it was created, unlike other rows: somebody else may have created it at ' || created_at
            when updated_at > $edited_after then 'it was edited after the run: ' || updated_at end as why
from (
  select as_key(cast(t.id as varchar)) as id, created_at, updated_at, synced_at, is_renewed, synced_at - created_at as gap,
         median(synced_at - created_at) filter (created_at between $started_at and $ended_at) over () as usual_gap
  from target.{entity} t
  join (select as_key(cast(target_id as varchar)) as mapped_id, min(synced_at) as synced_at,
               case when count(updated_at) = count(*) then bool_or(updated_at > synced_at + interval 1 second) end as is_renewed
        from target.id_mappings where run_id = $run_id and lower(trim(entity_type)) in ({names}) group by 1) m
    on m.mapped_id = as_key(cast(t.id as varchar)))
order by id

-- name: unnamed
-- One row per row that no id mapping names, created within the run: whose it is, is not known.
select count(*) as n from target.{entity} t
where created_at between $started_at and $ended_at
  and as_key(cast(t.id as varchar)) not in (
  select as_key(cast(target_id as varchar)) from target.id_mappings
  where target_id is not null and run_id = $run_id and lower(trim(entity_type)) in ({names}))

-- name: span
-- When the run wrote its mappings.
select min(synced_at) as first, max(synced_at) as last, count(*) as n, count(synced_at) as stamped,
       max(pause) as longest_pause
from (select synced_at, synced_at - lag(synced_at) over (order by synced_at) as pause
      from target.id_mappings where run_id = $run_id)

-- name: newer
select run_id from target.runs
where run_id not in ('', $run_id) and not ends_with(run_id, $rolled_back) and recorded_at > $ended_at
group by run_id order by max(recorded_at), run_id

-- name: known_runs
-- Every run that the database names, and where.
select run_id, string_agg(distinct recorded_in, ', ' order by recorded_in) as places from target.runs
where run_id <> '' and not ends_with(run_id, $rolled_back) group by run_id order by max(recorded_at) desc nulls last, run_id

-- name: moments
select created_at from target.{entity} where as_key(cast(id as varchar)) in (select unnest($created_{place}::varchar[]))

-- name: creations
-- The longest pause between the creations of rows with these ids, from the first to the run's first mapping.
select max(moment - before) as longest_pause
from (select moment, lag(moment) over (order by moment) as before
      from (select created_at as moment from ({moments}) where created_at <= $first union all select $first))

-- name: keys
-- Raw texts of keys in recon's one spelling.
select raw, as_key(raw) as id from {frame}
