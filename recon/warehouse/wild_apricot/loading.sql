-- The rows of an export as they are in the file, and the records that they become.

-- name: moments
-- Days are midnight UTC, moments the club's local time; any other text stays as it is written.
create or replace temp macro moment_of(v) as
  case when trim(v) <> '' then coalesce(
    strftime(timezone('UTC', coalesce(
      timezone('UTC', try_strptime(trim(v), [{days}])),
      timezone({zone}, try_strptime(trim(v), [{moments}])),
      case when regexp_full_match(trim(v), '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ].*(Z|[+-][0-9]{{2}}:?[0-9]{{2}})')
           then try_cast(trim(v) as timestamptz)
           when regexp_full_match(trim(v), '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9:.]+')
           then timezone({zone}, try_cast(trim(v) as timestamp)) end)), '%Y-%m-%dT%H:%M:%S.%gZ'),
    v) end

-- name: create
create temp table export_rows ({columns})

-- name: append
insert into export_rows by name select * from incoming

-- name: mapped
select distinct entity_type from source.id_mappings where target_id <> ''

-- name: fill
create table source.{entity} as
select cast(e.source_row as bigint) as source_row, {wa_id} as wa_id,
       cast(null as varchar) as target_id, cast(null as varchar) as action,
       nullif(list_concat(by_row.messages, by_id.messages), cast([] as varchar[])) as errors, {fields}
from export_rows e
left join (select source_row, list(message order by rowid) as messages from source.errors
           where entity = $one and source_row is not null group by source_row) by_row
  on by_row.source_row = e.source_row
left join (select wa_id, list(message order by rowid) as messages from source.errors
           where entity = $one and source_row is null and wa_id is not null group by wa_id) by_id
  on by_id.wa_id = {wa_id}
{links}

-- name: link
left join (select wa_id, any_value(target_id) as target_id from source.id_mappings
           where entity_type = {entity} group by wa_id) {alias} on {alias}.wa_id = trim({cell})

-- name: count
select count(*) from source.{entity}

-- name: forget
drop table export_rows
