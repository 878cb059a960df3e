-- Registrations by month (UTC), without gaps between the months; those without a date last.
-- A span of 600 months or more, which one wrong date can cause, is not filled up.
with counted as (
  select date_trunc('month', registered_at) as month, count(*) as registrations
  from target.registrations
  group by all
),
months as (
  select unnest(generate_series(min(month), max(month), interval 1 month)) as month
  from counted
  having date_diff('month', min(month), max(month)) < 600
)
select coalesce(strftime(month, '%Y-%m'), '(none)') as label, coalesce(registrations, 0) as count
from counted full join months using (month)
order by month nulls last
