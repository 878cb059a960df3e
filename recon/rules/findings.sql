-- name: is_there
select 1 as found from duckdb_tables()
where database_name = current_database() and schema_name = 'checks' and table_name = 'findings'

-- name: create
create schema if not exists checks;
create table checks.findings (
  check_id varchar, entity varchar, key varchar, field varchar, cause varchar, violations bigint, fingerprint varchar,
  standing varchar, violation varchar)

-- name: add
insert into checks.findings
select {check}, entity, key, field, min(cause), count(*), left(sha256(string_agg(digest, '' order by digest)), 16), 'open',
       arg_min(violation, digest)
from (
  select {entity} as entity, {key} as key, {field} as field, split_part({cause}, ' ', 1) as cause,
         md5(concat_ws(chr(31), {values})) as digest, cast(to_json({row}) as varchar) as violation
  from {violations} v) f
group by entity, key, field
order by entity, key, field
