-- The schemas that every warehouse starts with; the macros that turn text into typed values are in values.sql.
create schema source;
create schema target;
create schema reading;

-- Values that are not of their column's type: one row per value, located by the application's own names; those of the
-- bundle by the file, the record's field and its place. The ledger finds the latter: others make no difference.
create table target.unreadable_values (
  table_name varchar, column_name varchar, row_key varchar, value varchar, expected_type varchar);
create table source.unreadable_values as from target.unreadable_values;

-- The same values by the names of the warehouse, for the ledger: what a row holds instead of null.
create table target.raw_values (table_name varchar, field varchar, row_key varchar, value varchar, expected_type varchar);

-- How values were read where that is not evident from each value alone: "milliseconds since 1970", "day-first dates";
-- and what is remarkable about them: "years past 9999".
create table target.readings (table_name varchar, column_name varchar, reading varchar, row_count bigint);
create table source.readings as from target.readings;

-- While tables are loaded: values that cannot be read alone, with their places, until their columns are settled.
create table reading.unread (
  name varchar, field varchar, row_number bigint,
  table_name varchar, column_name varchar, row_key varchar, value varchar, expected_type varchar);
