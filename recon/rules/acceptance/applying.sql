-- An entry for one finding speaks for it before any entry for many does. Numbers are those of violations.

-- name: apply
create or replace temp table acceptance_names as
select f.rowid as finding, e.number, e.expires,
       e.fingerprint = f.fingerprint and (e.cause is null or e.cause is not distinct from f.cause) as is_same
from checks.findings f join acceptance_entries e on e.check_id = f.check_id and e.key is not distinct from f.key
where not e.is_wide and (e.entity is null or e.entity is not distinct from f.entity)
and (e.field is null or e.field is not distinct from f.field);
create or replace temp table acceptance_decided as
select finding, bool_or(is_same) as is_accepted from acceptance_names
where is_same or number not in (select number from acceptance_names where is_same)
group by finding;
create or replace temp table acceptance_covers as
select f.rowid as finding, e.number, e.expires, f.violations, d.finding is not null as is_decided,
       coalesce(not d.is_accepted, false) as is_reopened
from checks.findings f join acceptance_entries e on e.check_id = f.check_id
left join acceptance_decided d on d.finding = f.rowid
where e.is_wide and (e.entity is null or e.entity is not distinct from f.entity)
and (e.field is null or e.field is not distinct from f.field)
and (e.cause is null or e.cause is not distinct from f.cause);
create or replace temp table acceptance_totals as
select c.number, cast(coalesce(sum(c.violations) filter (not c.is_decided), 0) as bigint) as found,
       any_value(e.maximum) as maximum
from acceptance_covers c join acceptance_entries e on e.number = c.number
group by c.number;
create or replace temp table acceptance_accepted as
select finding, first(number order by expires desc, number) as number, max(expires) as until
from (
  select finding, number, expires from acceptance_names where is_same
  union all
  select finding, number, expires from acceptance_covers
  where not is_decided and number in (select number from acceptance_totals where found <= maximum)) a
group by finding;
create or replace temp table acceptance_standings as
select finding, 'accepted' as standing from acceptance_accepted
union all
select finding, 're-opened' from acceptance_decided where not is_accepted;
update checks.findings set standing = s.standing from acceptance_standings s where findings.rowid = s.finding

-- name: by_check
select f.check_id, cast(sum(f.violations) as bigint) as listed,
       cast(coalesce(sum(f.violations) filter (f.standing = 'accepted'), 0) as bigint) as accepted,
       cast(coalesce(sum(f.violations) filter (f.standing = 're-opened'), 0) as bigint) as reopened,
       min(a.until) as until
from checks.findings f left join acceptance_accepted a on a.finding = f.rowid
group by f.check_id

-- name: accepting
select f.check_id, a.number
from acceptance_accepted a join checks.findings f on f.rowid = a.finding
group by f.check_id, a.number order by f.check_id, sum(f.violations) desc, a.number

-- name: used
select number from acceptance_names union select number from acceptance_covers

-- name: exceeded
select t.number, t.found, t.maximum from acceptance_totals t where t.found > t.maximum order by t.number

-- name: contradicting
select list(number order by number) as numbers from acceptance_entries
group by check_id, entity, key, field, is_wide, case when is_wide then cause end
having count(distinct (fingerprint, maximum, expires, case when not is_wide then cause end)) > 1
order by numbers

-- name: disagreeing
select c.number, list(distinct n.number order by n.number) as numbers
from acceptance_covers c join acceptance_names n on n.finding = c.finding
where (c.is_reopened or (n.is_same and n.expires <> c.expires))
and (n.is_same or n.number not in (select number from acceptance_names where is_same))
group by c.number order by c.number

-- name: forget
drop table acceptance_names; drop table acceptance_decided; drop table acceptance_covers; drop table acceptance_totals;
drop table acceptance_accepted; drop table acceptance_standings
