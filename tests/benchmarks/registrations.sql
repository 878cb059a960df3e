-- Registrations number {first} to {last}; no two of the first ten billion share both their member and their event.
select
  cast(cast(md5('registration' || i) as uuid) as varchar) as id,
  cast(cast(md5('member' || (i * 7919) % 199999) as uuid) as varchar) as member_id,
  cast(cast(md5('event' || (i * 104729) % 49999) as uuid) as varchar) as event_id,
  ['confirmed', 'waitlisted', 'cancelled', 'attended'][1 + i % 4] as status,
  timestamp '2020-01-01' + interval (i * 37 % 120000000) second as registered_at,
  cast(i * 13 % 20000 / 100.0 as decimal(10, 2)) as fee,
  cast(i % 5 as integer) as guests,
  i % 3 = 0 as is_paid,
  case when i % 4 = 0 then 'note ' || i % 1000 end as remark
from range({first}, {last}) as numbers(i)
