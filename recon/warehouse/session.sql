-- What every warehouse starts with: its schemas. How text becomes a typed value stands in values.sql.
create schema source;
create schema target;

-- Values that are not of their column's type: where they stand, by the application's own names.
create table target.unreadable_values (
  table_name varchar, column_name varchar, row_key varchar, value varchar, expected_type varchar);
