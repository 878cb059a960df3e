-- name: setup
-- Whether a value of a streamed list may not be of its type; if so, the list is validated item by item.
-- Text arrives without its JSON type: what looks like a number, a boolean, a list or an object may have been one.
create macro is_suspect_text(v) as
  regexp_full_match(v, '(?s)[{\[].*|true|false|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?');
create macro is_suspect_id(v) as
  regexp_full_match(v, '(?s)[{\[].*|true|false|-?[0-9]+(\.[0-9]+|(\.[0-9]+)?[eE][+-]?[0-9]+)');
create macro is_suspect_count(v) as not regexp_full_match(v, '[0-9]{1,15}');
create macro is_suspect_list(v) as
  case when v is null or v = '[]' then false else list_distinct(json_type(v, '$[*]')) <> ['VARCHAR'] end;

-- name: scan
-- The items of one list, one row each, with the columns of its table as JSON text or lists.
read_json({files}, format = 'array', records = true, maximum_object_size = {item_bytes}, columns = {columns})

-- name: check
select count(*), count(*) filter ({suspect}) from {scan}

-- name: create
create table {table} ({columns})

-- name: mark
-- Marks an item that may not be of its type; the column exists only while the list is loaded.
alter table {table} add column is_suspect boolean

-- name: store
insert into {table} ({names}, is_suspect) select {values}, {suspect} from {scan}

-- name: count
select count(*), count(*) filter (is_suspect) from {table} where rowid >= ?

-- name: unmark_if
alter table {table} drop column if exists is_suspect

-- name: forget
drop table if exists {table}

-- name: unmark
alter table {table} drop column is_suspect

-- name: objects
select json from read_json_objects({files}, format = 'array', maximum_object_size = {item_bytes})

-- name: set_records
update source.counts set records = ? where entity = ?
