-- Times that are read by the whole of their column: numbers since 1970, and dates whose day comes first.

-- name: setup
-- A number; a date written without separators (20240115, 20240115142000) is none.
create or replace macro as_epoch(v) as
  case when regexp_full_match(trim(v), '[+-]?[0-9]{1,18}(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?')
         and not regexp_full_match(trim(v), '(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([0-9]{6})?')
       then try_cast(trim(v) as decimal(38, 6)) end;
create or replace macro as_time_since_1970(v, unit_us) as
  case when as_epoch(v) between -8.2e18 / unit_us and 8.2e18 / unit_us
       then make_timestamp(cast(round(cast(as_epoch(v) as decimal(38, 6)) * unit_us) as bigint)) end;
create or replace macro day_first_parts(v) as
  regexp_extract(trim(v), '^([0-9]{1,2})(?:(\.) ?|[/-])([0-9]{1,2})(?:\. ?|[/-])([0-9]{4}(?:[ T,].*)?)$', ['day', 'dot', 'month', 'rest']);
create or replace macro as_day_first(v) as
  as_any_timestamp(regexp_replace(trim(v), '^([0-9]{1,2})(?:\. ?|[/-])([0-9]{1,2})(?:\. ?|[/-])([0-9]{4}),?(.*)$', '\3-\2-\1\4'));

-- name: any
select count(*) as n from reading.unread where expected_type = 'timestamp'

-- name: columns
-- What the values of each column say that could not be read alone.
select name, field, any_value(table_name) as table_name, any_value(column_name) as column_name,
       count(as_epoch(value)) as numbers,
       -- Each unit's values of a time from 1979 (seconds from 2 days after the start of 1970 in milliseconds) to 2200.
       count(*) filter (as_epoch(value) between 300000000 and 7260000000) as seconds,
       count(*) filter (abs(as_epoch(value)) between 300000000000 and 7260000000000) as milliseconds,
       count(*) filter (abs(as_epoch(value)) between 300000000000000 and 7260000000000000) as microseconds,
       count(*) filter (parts.rest <> '') as dates,
       count(*) filter (parts.dot <> '') as dotted,
       count(*) filter (try_cast(parts.day as integer) > 12 and try_cast(parts.month as integer) <= 12) as day_first,
       count(*) filter (try_cast(parts.month as integer) > 12) as month_first
from (select *, day_first_parts(value) as parts from reading.unread where expected_type = 'timestamp')
group by name, field order by name, field

-- name: read
select count(as_timestamp({column})) as n from {table}

-- name: stored
select count({column}) as n from {table}

-- name: settle
create or replace temp table settled as
select row_number, value, {instant} as instant from reading.unread
where name = $name and field = $field and ({instant}) is not null

-- name: update
update {table} as t set {column} = {stored} from settled s where t.rowid = s.row_number

-- name: known
delete from target.unreadable_values
where table_name = $table_name and column_name = $column_name and value in (select value from settled)

-- name: forget
delete from reading.unread where name = $name and field = $field and value in (select value from settled)

-- name: count
select count(*) as n from settled

-- name: note
insert into {side}.readings values ($table_name, $column_name, $reading, $row_count)

-- name: raw
insert into target.raw_values
select name, field, row_key, value, expected_type from reading.unread where name like 'target.%'

-- name: close
delete from reading.unread

-- name: beyond
select {name} as name, {field} as field,
       count(*) filter ({column} > timestamp '9999-12-31 23:59:59.999999') as later,
       count(*) filter ({column} < timestamp '0001-01-01') as earlier
from {table}

-- name: unusual
-- Values that do not begin as most times do, with a year of four digits; none of those in most columns.
select {name} as name, {field} as field, count(*) as n
from {table} where strpos({column}, '-') <> 5 and trim({column}) <> ''

-- name: unread
insert into reading.unread
select {name}, {field}, rowid, $table_name, {column_name}, null, {column}, 'timestamp'
from {table} where trim({column}) <> '' and as_timestamp({column}) is null

-- name: milliseconds
select count(*) as n from {table} where regexp_full_match(trim({column}), '-?[0-9]{{11,13}}')
