-- Casts of text to typed values: null where the text is not a value of the type; the caller decides what that means.
create macro as_integer(v) as
  case when regexp_full_match(trim(v), '[+-]?[0-9]+(\.0+)?')
       then try_cast(regexp_extract(trim(v), '^[+-]?[0-9]+') as bigint) end;
create macro as_boolean(v) as
  case when lower(trim(v)) in ('1', 't', 'true', 'y', 'yes', 'on') then true
       when lower(trim(v)) in ('0', 'f', 'false', 'n', 'no', 'off') then false
       when regexp_full_match(trim(v), '[01]\.0+') then trim(v) like '1%' end;
-- A time in the one form that a cast reads: without blanks before the zone, whose UTC has many names; the year without
-- a plus sign, and before Christ as DuckDB writes it.
create macro as_plain_time(v) as
  regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(trim(v),
    '^\+0{0,2}([0-9]{4,6}-)', '\1'),
    '^([+-]?[0-9]+-[0-9]+-[0-9]+)t([0-9])', '\1T\2'),
    '(:[0-9]{2}),([0-9])', '\1.\2'),
    '(?i)(:[0-9]{2}(?:\.[0-9]+)?) *(?:z|utc|gmt)$', '\1+00'),
    '(?i)(:[0-9]{2}(?:\.[0-9]+)?) +([+-][0-9]{2}(?::?[0-9]{2})?)$', '\1\2');
create macro as_time_of_era(v) as
  regexp_replace(v, '^([0-9]{4,6}-[0-9]+-[0-9]+)([T ].*?)? (?:BC|\(BC\))$', '\1 (BC)\2');
-- ISO 8601 with or without a zone (none: UTC), or milliseconds since 1970 (11 to 13 digits),
-- as some drivers write to SQLite. Other numbers are read by their whole column: see times.sql.
create macro as_instant(v) as
  case when regexp_full_match(trim(v), '-?[0-9]{11,13}') then make_timestamp(try_cast(trim(v) as bigint) * 1000)
       when regexp_matches(trim(v), '^[+-]?[0-9]{4,6}-')
       then make_timestamp(epoch_us(coalesce(try_cast(trim(v) as timestamptz),
                                             try_cast(as_time_of_era(as_plain_time(v)) as timestamptz)))) end;
-- The years that every part of recon can represent; what is beyond them counts as no time. The list is there so that a
-- time is read once: a macro puts its expression wherever the parameter stands.
create macro as_any_timestamp(v) as
  list_filter([as_instant(v)],
              lambda t: t between timestamp '262142-01-01 (BC)' and timestamp '262142-12-31 23:59:59.999999')[1];
-- A fast path (a quarter of the time) for what JavaScript writes, 2024-01-15T09:00:00.000Z, and what databases write,
-- 2024-01-15 09:00:00.000, with or without a fraction; the position of the first hyphen shows a year of four digits.
-- A cast to timestamp ignores text after the time, so the globs admit only digits in its places.
create macro as_timestamp(v) as
  case when v between '0001' and ':' and strpos(v, '-') = 5
        and (strlen(v) = 24 and substr(v, 11) glob '[T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z'
             or strlen(v) = 23 and substr(v, 11) glob '[T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]'
             or strlen(v) = 19 and substr(v, 11) glob '[T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]')
       then try_cast(v as timestamp) else as_any_timestamp(v) end;
create macro as_date(v) as cast(as_timestamp(v) as date);
-- Only values that 18 digits after the point represent exactly: a cast would round the others.
create macro as_decimal(v) as
  case when regexp_full_match(trim(v), '[+-]?([0-9]{1,20}(\.[0-9]{0,18}0*)?|\.[0-9]{1,18}0*)')
         or regexp_full_match(trim(v), '[+-]?[0-9](\.[0-9]{1,9})?[eE](-0?[1-9]|\+?[01]?[0-9])')
       then try_cast(trim(v) as decimal(38, 18)) end;
create macro as_float(v) as
  case when regexp_full_match(lower(trim(v)), '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?inf(inity)?|nan')
       then try_cast(trim(v) as double) end;
-- The one canonical spelling of a key, for bundle, id mappings and rows alike: a uuid in lower case with hyphens, however
-- it was written (32 hexadecimal digits are one, even if all are decimal); a whole number without a fraction of zeros; any
-- other key unchanged. Most keys are uuids in this spelling already.
create macro as_key(v) as
  case when strlen(v) = 36 and v = lower(v) then v
       when strlen(v) >= 32
       then coalesce(cast(try_cast(regexp_replace(v, '^(?:(?i)urn:uuid:|\\x)', '') as uuid) as varchar), v)
       when strpos(v, '.0') > 0 and regexp_full_match(v, '-?(0|[1-9][0-9]*)\.0+') then split_part(v, '.', 1)
       else v end;
