-- What people do after an import, one statement each; where a row was never imported, nothing happens.
-- name: member
update "Member" set phone = '1', "updatedAt" = '{after}' where id = '{member}'
-- name: event
update "Event" set location = 'elsewhere', "updatedAt" = '{after}' where id = '{event}'
-- name: registration
update "EventRegistration" set status = 'NO_SHOW', "updatedAt" = '{after}' where id = '{registration}'
-- name: unregister
delete from "EventRegistration" where id = '{registration}'
-- name: note
insert into "MemberNote" (id, "memberId", text) select '{new}', '{member}', 'a note' from "MembershipStatus" s
where s.id = '{status}' and exists (select 1 from "Member" where id = '{member}')
-- name: photo
insert into "EventPhoto" (id, "eventId") select '{new}', '{event}' from "MembershipStatus" s
where s.id = '{status}' and exists (select 1 from "Event" where id = '{event}')
-- name: join
insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "createdAt", "updatedAt")
values ('{new}', 'New', 'Member', '{new}@example.org', '{after}', '{status}', '{after}', '{after}')
-- name: register
insert into "EventRegistration" (id, "eventId", "memberId", status, "registeredAt", "createdAt", "updatedAt")
select '{new}', '{event}', '{member}', 'CONFIRMED', '{after}', '{after}', '{after}' from "MembershipStatus" s
where s.id = '{status}' and exists (select 1 from "Member" where id = '{member}')
  and exists (select 1 from "Event" where id = '{event}')
  and not exists (select 1 from "EventRegistration" where "eventId" = '{event}' and "memberId" = '{member}')
