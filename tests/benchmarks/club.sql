-- Members, events, registrations (as many as club.members, club.events and club.registrations say) and their id mappings,
-- made by the server itself.
insert into "MembershipStatus" (id, code, label, "updatedAt") values (gen_random_uuid(), 'ACTIVE', 'Active', now());
insert into "MembershipTier" (id, code, name, "sortOrder", "updatedAt")
select gen_random_uuid(), 'TIER_' || n, 'Tier ' || n, n, now() from generate_series(1, 7) n;
create temp table tier as select id, row_number() over (order by "sortOrder") - 1 as place from "MembershipTier";
insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "membershipTierId", "updatedAt")
select gen_random_uuid(), 'First' || n, 'Last' || n, 'm' || n || '@example.org', now(), s.id, t.id, now()
from generate_series(1, current_setting('club.members')::int) n join tier t on t.place = n % 7 cross join "MembershipStatus" s;
insert into "Event" (id, title, "startTime", "updatedAt")
select gen_random_uuid(), 'Event ' || n, now(), now() from generate_series(1, current_setting('club.events')::int) n;
create temp table member_place as select id, row_number() over () - 1 as place from "Member";
create temp table event_place as select id, row_number() over () - 1 as place from "Event";
insert into "EventRegistration" (id, "eventId", "memberId", status, "registeredAt", "updatedAt")
select gen_random_uuid(), e.id, m.id, 'CONFIRMED', now(), now()
from generate_series(0, current_setting('club.registrations')::int - 1) n
cross join (select current_setting('club.members')::int as members, current_setting('club.events')::int as events) size
join event_place e on e.place = n % size.events
join member_place m on m.place = (n % size.events * 4 + n / size.events * 7) % size.members;
insert into "WaIdMapping" (id, "entityType", "waId", "murmurantId", "syncRunId", "updatedAt")
select gen_random_uuid(), kind, place, id, 'run-benchmark', now()
from (select 'Member' as kind, place, id from member_place
      union all select 'Event', place, id from event_place
      union all select 'EventRegistration', row_number() over (), id from "EventRegistration") mapped;
analyze;
