-- Registrations by status, the most frequent first.
select coalesce(status, '(none)') as label, count(*) as count
from target.registrations
group by all
order by count desc, label
