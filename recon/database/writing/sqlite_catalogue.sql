-- name: tables
select name from pragma_table_list where schema = 'main' and type = 'table' and name not like 'sqlite\_%' escape '\' order by name

-- name: columns
select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?) order by cid

-- name: indexes
select name, "unique", partial from pragma_index_list(?) order by seq

-- name: index_columns
select name from pragma_index_info(?) order by seqno

-- name: references
select id, "table", "from", "to", on_delete from pragma_foreign_key_list(?) order by id, seq

-- name: triggers
select name, sql from sqlite_master where type = 'trigger' and tbl_name = ? collate nocase order by name
