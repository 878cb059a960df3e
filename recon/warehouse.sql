-- What every warehouse starts with: its schemas, and how text becomes a typed value.
create schema source;
create schema target;

-- Null where the text is not a value of the type; the caller records that as a finding.
create macro as_integer(v) as
  case when regexp_full_match(trim(v), '[+-]?[0-9]+(\.0+)?')
       then try_cast(regexp_extract(trim(v), '^[+-]?[0-9]+') as bigint) end;
create macro as_boolean(v) as
  case when lower(trim(v)) in ('1', 't', 'true', 'yes', 'on') then true
       when lower(trim(v)) in ('0', 'f', 'false', 'no', 'off') then false end;
-- ISO 8601 with or without a zone (none: UTC), or milliseconds since 1970 (11 to 13 digits),
-- as some drivers write to SQLite.
create macro as_instant(v) as
  case when regexp_full_match(trim(v), '-?[0-9]{11,13}') then make_timestamp(try_cast(trim(v) as bigint) * 1000)
       when regexp_matches(trim(v), '^[0-9]{4,}-') then make_timestamp(epoch_us(try_cast(trim(v) as timestamptz))) end;
create macro as_timestamp(v) as
  case when as_instant(v) between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999' then as_instant(v) end;

-- Values that are not of their column's type: where they stand, by the application's own names.
create table target.unreadable_values (
  table_name varchar, column_name varchar, row_key varchar, value varchar, expected_type varchar);
