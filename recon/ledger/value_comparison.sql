-- Records with a row whose digest differs from theirs: landed ones, skipped ones, whose rows the importer left alone,
-- and merged ones, whose rows hold the values of another record; with the values of both sides, and the results.
-- ledger.written_later, one row per row that was edited after the run, is made beforehand.

-- name: candidates
select l.record, l.source_row, l.wa_id, cast(l.target_id as varchar) as target_id,
       t.id in (select id from ledger.written_later where is_by_person) as is_edited,
       l.outcome = 'skipped' as is_skipped, l.outcome = 'merged' as is_discarded,
       {unread_source} as unread_source, {unread_target} as unread_target, {judged}{raw}
from ledger.{entity} l
join {source} s on s.rowid = l.record
join {target} t on t.id = l.target_id
{codes}
{raw_values}
where l.outcome in ('landed_altered', 'merged') or l.cause = 'left_alone'

-- name: unread
-- The columns of rows in which values cannot be read.
select distinct field from target.raw_values where table_name = 'target.{entity}'

-- name: report_unread
-- Once: another record of the same row may have been judged by the same value.
insert into source.unreadable_values
select $report, entity || '.' || field, coalesce('source row ' || source_row, wa_id), source, type
from ledger.differences where entity = $entity and cause = 'unreadable_source' order by record

-- name: others
select cast(l.target_id as varchar) as target_id, {judged}
from ledger.{entity} l
join source.{entity} s on s.rowid = l.record
join target.{entity} t on t.id = l.target_id
{codes}
where l.outcome = 'merged'
  and l.target_id in (select target_id from ledger.{entity} where outcome = 'landed_altered')

-- name: dangling
select i.target from incoming i
where not exists (select 1 from target.{parents} t where lower(cast(t.id as varchar)) = lower(i.target))

-- name: other_id
insert into ledger.differences
select $entity, record, source_row, wa_id, cast(target_id as varchar), 'id', 'key', claimed_id, cast(target_id as varchar),
       'value', 'value', 'other_id', '', true, false
from ledger.{entity} where outcome = 'landed_altered' and as_key(claimed_id) <> cast(target_id as varchar)

-- name: landed
update ledger.{entity} as l
set outcome = case l.outcome when 'landed_altered' then 'landed' else l.outcome end,
    cause = nullif(l.cause, 'left_alone')
where (l.outcome = 'landed_altered' or l.cause = 'left_alone')
  and l.record not in (select record from ledger.differences where entity = $entity)

-- name: altered
update ledger.{entity} as l
set cause = d.cause, is_explained = d.is_explained, is_harmless = d.is_harmless
from (select record, min(cause) as cause, bool_and(is_explained) as is_explained, bool_and(is_harmless) as is_harmless
      from ledger.differences where entity = $entity group by record) d
where l.record = d.record and l.outcome = 'landed_altered'
