-- The schemas that every warehouse starts with; the macros that turn text into typed values are in values.sql.
create schema source;
create schema target;

-- Values that are not of their column's type: one row per value, located by the application's own names.
create table target.unreadable_values (
  table_name varchar, column_name varchar, row_key varchar, value varchar, expected_type varchar);
