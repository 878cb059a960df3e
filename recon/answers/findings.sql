-- name: structure
select json_group_structure(cast(violation as json)) as structure from checks.findings where check_id = $check

-- name: called_findings
-- Whom or what each finding is about, as people call it; an entity that a rule does not say is found by the ids alone.
create temp table if not exists called_findings as
with findings as (
  select *, {finding} as finding, case {entities} else lower(trim(entity)) end as of_entity from checks.findings),
sought as (
  select distinct finding, of_entity, violation, unnest([key, as_key(key)]) as id from findings where key <> ''),
called as (
  {called}),
named as (
  select c.* exclude (ids), unnest(list_distinct(ids)) as id from called c),
matched as (
  select s.finding, n.* exclude (id),
         cast(coalesce(as_key(coalesce(json_extract_string(s.violation, '$.target_id'), json_extract_string(s.violation, n.one)))
                       = n.row_id, false) as integer)
         + cast(coalesce(json_extract_string(s.violation, '$.source_row') = cast(n.source_row as varchar), false) as integer)
         as agreeing
  from sought s join named n on n.id = s.id
  where s.of_entity is null or s.of_entity = n.called_as),
best as (
  select *, max(agreeing) over (partition by finding) as most from matched)
select finding, {first} from best where agreeing = most group by finding having count(distinct called_as) = 1

-- name: findings_of
select coalesce(f.entity, c.called_as) as entity, f.key, f.field, {words},
       {told} as told, f.cause, f.violations, f.standing, f.finding, f.fingerprint
from (select *, {finding} as finding from checks.findings where check_id = $check) f
left join called_findings c on c.finding = f.finding
order by f.entity, f.key, f.field

-- name: called
select '{entity}' as called_as, '$.{one}_id' as one, source_row, as_key(coalesce(cast(target_id as varchar), claimed_id)) as row_id,
       [wa_id, cast(target_id as varchar), as_key(claimed_id)] as ids, {words}
from called_{entity}

-- name: finding
'f' || left(sha256(concat_ws(chr(31), check_id, coalesce(entity, chr(30)), coalesce(key, chr(30)), coalesce(field, chr(30)))), 16)

-- name: times
select distinct column_name from duckdb_columns()
where schema_name in ('source', 'target') and (data_type like 'TIMESTAMP%' or data_type = 'DATE')

-- name: subjects
select {finding} as finding, check_id, entity, key, field, cause, fingerprint from checks.findings
