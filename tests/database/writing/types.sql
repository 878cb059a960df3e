-- One table with a column of each type whose text may lose something, in rows that make it do so.
create schema extra;
create type mood as enum ('sad', 'it''s "ok"');
create domain feeling as mood;
create domain email as text check (value like '%@%');
create type pair as (a char(3), b timestamptz, c text[]);
create table extra.referred (id int primary key);
create function extra.referred_to() returns int language sql as 'select 1';
create table "Ty""pes" (
  "id" uuid primary key,
  "format" text,
  "xmin of it" varchar(40),
  chars char(6),
  chars_array char(4)[],
  one_char "char",
  a_name name,
  flag boolean,
  small smallint, large bigint, amount numeric, scaled numeric(12, 4), "money" money,
  f4 float4, f8 float8,
  raw bytea,
  ts timestamp(3), tstz timestamptz, day date, at time(6), attz timetz, span interval,
  bits bit(5), varbits bit varying,
  j json, jb jsonb,
  words tsvector, query tsquery,
  net inet, block cidr, mac macaddr, mac8 macaddr8,
  place point, area polygon, route path, corner box, round circle, segment lseg, straight line,
  ints int[], texts text[][], pairs pair[], a_pair pair,
  whole int4range, span_of tstzrange, several nummultirange,
  feels mood, feels_too feeling, mail email, moods mood[],
  a_class regclass, a_function regproc, a_type regtype, a_role regrole, a_config regconfig, an_oid oid,
  lsn pg_lsn, snapshot pg_snapshot, jp jsonpath,
  number bigint generated always as identity,
  doubled int generated always as (small * 2) stored,
  dropped text
);
alter table "Ty""pes" drop column dropped;
insert into "Ty""pes" values
('00000000-0000-0000-0000-000000000001', E'a\\b\n''c''\t"%s" %% {x} :y $1 $$z$$', 'NULL', 'ab', '{a,"b ",NULL}', 'x', 'na"me',
 true, -32768, 9223372036854775807, 'NaN', 1.5, '-1234567.89',
 '-0', '-0', '\x00ff5c27', '0044-03-15 00:00:00.123 BC', '1883-11-18 12:03:58-07:52:58', 'infinity', '24:00:00', '12:00:00.5-05:30',
 '-1 years -2 mons +3 days -04:05:06.7', B'10101', B'', '{"b": 1, "a" : [1,2], "b": 2}', '{"n": 1.00, "u": "\u00e9\\"}',
 '''fat''''s'':1A,2 rat', 'fat & ''ra''''t'':*', '::1', '10.0.0.0/8', '08:00:2b:01:02:03',
 '08:00:2b:01:02:03:04:05', '(0.1,-0)', '((0,0),(1,1),(1,0))', '[(0,0),(1.1,1)]', '(1,1),(0,0)', '<(0,0),1e-300>', '[(0,0),(1,1)]', '{1,2,3}',
 '[-1:1]={1,NULL,3}', '{{a,"b,\"c"},{"","NULL"}}', array[row('x ', '2024-01-01 00:00+00', '{"q\"",NULL}')::pair, null], row('abc', null, '{}'),
 '[1,5)', '["2024-01-01 00:00+00",infinity]', '{[1.10,2.20),[3,)}', 'it''s "ok"', 'sad', 'a@b', '{sad,NULL}',
 'extra.referred', 'extra.referred_to', 'extra.referred', 'postgres', 'english', 4294967295, '16/B374D848', '10:20:10,14,15', '$."a"[*] ? (@ > 1)');
insert into "Ty""pes" values
('00000000-0000-0000-0000-000000000002', '', '', '', '{}', '', '', false, 0, 0, 'Infinity', -0.0001, '0', 'NaN', '1e-310', '',
 '-infinity', 'infinity', '4713-01-01 BC', '00:00', '00:00+15:59', '178000000 years', B'00000', B'1', 'null', 'null', '', '', '192.168.1.5/24',
 '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '(NaN,Infinity)', '((0,0))', '((0,0),(1,1))', '(1,1),(1,1)', '<(0,0),0>', '[(0,0),(0,0)]',
 '{1,0,0}', '{}', '{}', '{}', row(null, null, null), 'empty', '(,)', '{}', 'sad', null, null, '{}', '-', '-', '-', '-', 'simple', 0, '0/0', '1:1:', '$');
insert into "Ty""pes" values
('00000000-0000-0000-0000-000000000003', null, 'é', 'é    x', null, null, null, null, null, null, 123456789012345678901234567890.10, null, null,
 '3.4028235e38', '0.30000000000000004', null, '294276-12-31 23:59:59.999', '4714-11-24 00:00:00+00 BC', '5874897-12-31');
insert into "Ty""pes" (id) values ('00000000-0000-0000-0000-000000000004');
