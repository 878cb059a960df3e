-- What shows which rows of {entity} a run created. Times are UTC without zone, by the database's clock.

-- name: records
-- One row per row that records of the run have, with the verdict on it.
select id, is_created,
       case when not is_created and updated_at is null then 'nothing shows whether it was edited after the run'
            when not is_created and updated_at > $edited_after then 'it was edited after the run: ' || updated_at
            when not is_created and ($edited_after is null or updated_at < $started_at)
            then 'its updated_at does not lie within the run: ' || updated_at
            when not is_created and is_altered then 'it differs from its record, so it is not what the run wrote'
            when not is_created then null
            when created_at is null then 'it has no created_at'
            when created_at < $started_at then 'it is older than the run: created ' || created_at
            when created_at > $ended_at then 'it is newer than the run: created ' || created_at
            when updated_at > $edited_after then 'it was edited after the run: ' || updated_at
            when $edited_after is null and is_altered
            then 'it differs from its record, and nothing shows whether it was edited after the run'
            when $edited_after is null and updated_at > created_at + interval 1 minute
            then 'it was written again at ' || updated_at || ', and nothing shows whether that was the run' end as why
from (
  select as_key(cast(l.target_id as varchar)) as id, any_value(t.created_at) as created_at, any_value(t.updated_at) as updated_at,
         bool_or(l.action = 'create') as is_created, bool_or(l.outcome = 'landed_altered') as is_altered
  from ledger.{entity} l join target.{entity} t on t.id = l.target_id
  where l.record is not null and l.outcome in ('landed', 'landed_altered', 'merged') and l.action in ('create', 'update')
  group by l.target_id)
order by id

-- name: lost
-- One row per id that the bundle gives to a record that the run created, and that no row has.
select distinct as_key(claimed_id) as id from ledger.{entity}
where record is not null and claimed_id <> '' and action = 'create'
  and as_key(claimed_id) not in (select as_key(cast(id as varchar)) from target.{entity} where id is not null)
order by id

-- name: stamps
-- One row per row whose created_at lies within the run.
select as_key(cast(id as varchar)) as id, true as is_created,
       case when updated_at > $edited_after then 'it was edited after the run: ' || updated_at end as why
from target.{entity} t
where created_at between $started_at and $ended_at
  and (not $are_paired or id in (select target_id from ledger.{entity} where record is not null))
order by id

-- name: mapped
-- One row per row that an id mapping of the run names. A mapping that was there before is renewed by every later run.
select as_key(cast(t.id as varchar)) as id, true as is_created,
       case when created_at is null then 'it has no created_at'
            when created_at < $started_at then 'it is older than the run: created ' || created_at
            when created_at > $ended_at then 'it is newer than the run: created ' || created_at
            when is_renewed then 'its id mapping was there before, and the run renewed it'
            when updated_at > $edited_after then 'it was edited after the run: ' || updated_at end as why
from target.{entity} t
join (select as_key(cast(target_id as varchar)) as mapped_id, bool_or(updated_at > synced_at + interval 1 second) as is_renewed
      from target.id_mappings where run_id = $run_id and lower(trim(entity_type)) in ({names}) group by 1) m
  on m.mapped_id = as_key(cast(t.id as varchar))
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
select run_id from target.runs where run_id is not null and run_id <> $run_id and run_id <> '' and recorded_at > $ended_at
group by run_id order by max(recorded_at), run_id

-- name: known_runs
select distinct run_id from target.runs where run_id is not null and run_id <> '' order by run_id

-- name: keys
-- Raw texts of keys in recon's one spelling.
select raw, as_key(raw) as id from {frame}
