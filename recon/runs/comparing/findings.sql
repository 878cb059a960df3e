-- The findings of two runs, attached as `older` and `newer`; both tables have one row per check, entity, key and field.

-- name: compare
-- $known: the checks whose findings the newer run lists all; what it does not list of others is not fixed.
create table compared as
select coalesce(b.check_id, a.check_id) as check_id, coalesce(b.entity, a.entity) as entity, coalesce(b.key, a.key) as key,
       coalesce(b.field, a.field) as field, coalesce(b.cause, a.cause) as cause,
       cast(a.violations as bigint) as violations_before, cast(b.violations as bigint) as violations_after,
       case
         when b.check_id is null and list_contains($known, a.check_id) then 'fixed'
         when b.check_id is null then 'not known'
         when b.standing = 'accepted' then 'accepted'
         when a.standing = 'accepted' then 're-opened'
         when b.standing = 're-opened' and (a.standing is distinct from 're-opened' or a.fingerprint is distinct from b.fingerprint)
           then 're-opened'
         when a.check_id is null then 'new'
         when a.fingerprint is not distinct from b.fingerprint then 'still open'
         else 'changed'
       end as change
from older.checks.findings a
full join newer.checks.findings b
  on a.check_id = b.check_id and a.entity is not distinct from b.entity and a.key is not distinct from b.key
  and a.field is not distinct from b.field

-- name: columns
select check_id, entity, key, field, cause, violations, fingerprint, standing from {run}.checks.findings limit 0

-- name: listed
-- How many violations the findings of each check stand for.
select check_id, cast(sum(violations) as bigint) as violations from {run}.checks.findings group by check_id

-- name: tallies
select check_id, change, count(*) as findings from compared group by check_id, change

-- name: records
-- At most $most of each check and change; null: all.
select change, check_id, entity, key, field, cause, violations_before, violations_after from compared
qualify $most is null or row_number() over (partition by check_id, change order by entity, key, field) <= $most
order by list_position($changes, change), list_position($checks, check_id), check_id, entity, key, field
