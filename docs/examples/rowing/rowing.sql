-- A rowing club's own application after its migration, for SQLite and PostgreSQL alike: nothing is named as recon's rules
-- name it, keys are integers, members share a table with sponsors, and an import log tells the run.
create table levels (level_no integer primary key, slug text not null, label text not null, position integer not null);

create table contacts (
  contact_id integer primary key, kind text not null, given_name text not null, family_name text not null,
  mail text not null, mobile text, member_since timestamp, state text not null,
  level_no integer references levels (level_no));

create table happenings (
  happening_id integer primary key, heading text not null, starts_at timestamp not null, ends_at timestamp,
  seats integer, venue text, visible boolean not null);

create table bookings (
  booking_id integer primary key, happening_id integer not null references happenings (happening_id),
  contact_id integer not null references contacts (contact_id), state text not null, booked_at timestamp not null,
  cancelled_on timestamp);

create table external_ids (kind text not null, wild_apricot_id text not null, local_id integer not null);

create table import_log (entry integer primary key, import_run text not null, finished_at timestamp not null);

create table settings (name text primary key, content text not null);

insert into levels (level_no, slug, label, position) values
  (1, 'NEWCOMER', 'Novice', 10),
  (2, 'FIRST_YEAR', 'Improver', 20),
  (3, 'GENERAL', 'Senior', 30);

insert into contacts (contact_id, kind, given_name, family_name, mail, mobile, member_since, state, level_no) values
  (101, 'member', 'Ada', 'Keel', 'ada.keel@rowing.example', '805-555-0100', '2015-04-01 00:00:00', 'active', 1),
  (102, 'member', 'Ben', 'Thwart', 'ben.thwart@rowing.example', '805-555-0101', '2016-04-02 00:00:00', 'active', 1),
  (103, 'member', 'Cleo', 'Rigger', 'cleo.rigger@rowing.example', '805-555-0102', '2017-04-03 00:00:00', 'active', 2),
  (104, 'member', 'Dov', 'Sculley', 'dov.sculley@rowing.example', '805-555-0103', '2018-04-04 00:00:00', 'active', 2),
  (105, 'member', 'Edda', 'Stroke', 'edda.stroke@rowing.example', '805-555-0104', '2019-04-05 00:00:00', 'active', 3),
  (106, 'member', 'Finn', 'Bowman', 'finn.bowman@rowing.example', '805-555-0105', '2020-04-06 00:00:00', 'active', 3),
  (107, 'member', 'Gwen', 'Feather', 'gwen.feather@rowing.example', '805-555-0106', '2021-04-07 00:00:00', 'lapsed', 3),
  (108, 'member', 'Hal', 'Coxwell', 'hal.coxwell@rowing.example', '805-555-0107', '2022-04-08 00:00:00', 'active', 2),
  (201, 'sponsor', 'Oar', 'Makers', 'orders@oarmakers.example', null, '2019-01-01 00:00:00', 'active', null),
  (202, 'sponsor', 'Harbour', 'Cafe', 'hello@harbourcafe.example', null, '2020-06-01 00:00:00', 'active', null);

insert into happenings (happening_id, heading, starts_at, ends_at, seats, venue, visible) values
  (301, 'Learn to scull', '2024-02-03 09:00:00', '2024-02-03 11:00:00', 8, 'Boathouse', true),
  (302, 'Spring regatta', '2024-04-20 08:30:00', '2024-04-20 16:00:00', 40, 'Lake', true),
  (303, 'Committee supper', '2024-03-01 19:00:00', null, 12, 'Clubroom', false);

insert into bookings (booking_id, happening_id, contact_id, state, booked_at, cancelled_on) values
  (401, 301, 101, 'waitlisted', '2024-01-10 10:15:00', null),
  (402, 301, 102, 'confirmed', '2024-01-11 11:15:00', null),
  (403, 301, 103, 'confirmed', '2024-01-12 12:15:00', null),
  (404, 302, 104, 'confirmed', '2024-01-13 13:15:00', null),
  (405, 302, 105, 'confirmed', '2024-01-10 14:15:00', null),
  (406, 302, 106, 'waitlisted', '2024-01-11 15:15:00', null),
  (407, 302, 107, 'confirmed', '2024-01-12 16:15:00', null),
  (408, 302, 108, 'confirmed', '2024-01-13 17:15:00', null),
  (409, 302, 101, 'confirmed', '2024-01-10 18:15:00', null),
  (410, 303, 105, 'confirmed', '2024-01-11 19:15:00', null),
  (411, 303, 106, 'waitlisted', '2024-01-12 10:15:00', null),
  (412, 303, 102, 'confirmed', '2024-01-13 11:15:00', null);

insert into external_ids (kind, wild_apricot_id, local_id) values
  ('contact', 'WA101', 101),
  ('contact', 'WA102', 102),
  ('contact', 'WA103', 103),
  ('contact', 'WA104', 104),
  ('contact', 'WA105', 105),
  ('contact', 'WA106', 106),
  ('contact', 'WA107', 107),
  ('contact', 'WA108', 108),
  ('happening', 'WA301', 301),
  ('happening', 'WA302', 302),
  ('happening', 'WA303', 303),
  ('booking', 'WA401', 401),
  ('booking', 'WA402', 402),
  ('booking', 'WA403', 403),
  ('booking', 'WA404', 404),
  ('booking', 'WA405', 405),
  ('booking', 'WA406', 406),
  ('booking', 'WA407', 407),
  ('booking', 'WA408', 408),
  ('booking', 'WA409', 409),
  ('booking', 'WA410', 410),
  ('booking', 'WA411', 411),
  ('booking', 'WA412', 412);

insert into import_log (entry, import_run, finished_at) values
  (1, 'run-20231201-090000', '2023-12-01 09:04:00'),
  (2, 'run-20240115-143000', '2024-01-15 14:28:00');

insert into settings (name, content) values
  ('membership.gracePeriodDays', '30'),
  ('scheduling.timezone', 'Europe/Zurich');
