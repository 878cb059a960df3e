-- name: server
select version(), @@version_comment, @@max_allowed_packet
-- name: writability
select @@global.read_only
-- name: session
set session transaction isolation level repeatable read, read write;
set session autocommit = {autocommit}, time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1,
  sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, completion_type = 0,
  net_write_timeout = {limit_s}, innodb_lock_wait_timeout = {lock_s}, lock_wait_timeout = {lock_s},
  sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'
-- name: optional_session
set session innodb_snapshot_isolation = 1;
set session in_predicate_conversion_threshold = 0;
set session max_statement_time = {limit_s};
set session max_execution_time = {limit_s}000
-- name: idle
set session wait_timeout = {idle_s}
-- name: begin_reading
start transaction with consistent snapshot, read only
-- name: begin_writing
start transaction with consistent snapshot, read write
-- name: check_references
set session foreign_key_checks = {checks}
-- name: take_lock
select get_lock('{name}', 0)
-- name: release_lock
select release_lock('{name}')
-- name: columns
select c.table_schema, c.table_name, t.table_type, coalesce(t.engine, ''), coalesce(e.transactions, 'NO') = 'YES', t.table_rows,
  c.column_name, c.column_type, coalesce(c.character_set_name, 'utf8mb4'), coalesce(c.generation_expression, '') <> '',
  c.extra like '%auto_increment%', c.is_nullable = 'NO' and c.column_default is null
from information_schema.tables t
join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
left join information_schema.engines e on e.engine = t.engine
where t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
  and t.table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys')
order by c.table_schema, c.table_name, c.ordinal_position
-- name: keys
select table_schema, table_name, index_name, column_name, nullable <> 'YES' and sub_part is null and column_name is not null
from information_schema.statistics
where non_unique = 0 and table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys')
order by table_schema, table_name, index_name <> 'PRIMARY', index_name, seq_in_index
-- name: references
select r.constraint_schema, r.table_name, r.constraint_name, k.referenced_table_schema, r.referenced_table_name,
  lower(r.delete_rule), k.column_name, k.referenced_column_name
from information_schema.referential_constraints r
join information_schema.key_column_usage k on k.constraint_schema = r.constraint_schema
  and k.constraint_name = r.constraint_name and k.table_name = r.table_name
order by r.constraint_schema, r.table_name, r.constraint_name, k.ordinal_position
-- name: triggers
select event_object_schema, event_object_table, trigger_name, action_timing, event_manipulation
from information_schema.triggers order by 1, 2, event_manipulation, action_timing, action_order
-- name: partitions
select table_schema, table_name, count(*) from information_schema.partitions
where partition_name is not null group by table_schema, table_name
-- name: binary_log
select @@global.log_bin
-- name: binary_log_form
select @@session.binlog_format
-- name: lock_holders
select distinct t.processlist_id, l.object_schema, l.object_name
from performance_schema.data_locks l join performance_schema.threads t on t.thread_id = l.thread_id
where l.lock_type = 'TABLE' and l.lock_mode in ('IX', 'X', 'AUTO_INC') and t.processlist_id <> connection_id()
order by 1, 2, 3
-- name: open_changes
select t.trx_mysql_thread_id, p.db, t.trx_rows_modified
from information_schema.innodb_trx t join information_schema.processlist p on p.id = t.trx_mysql_thread_id
where t.trx_rows_modified > 0 and p.id <> connection_id() order by 1
-- name: account
select current_user()
-- name: rows
select {columns} from {table} where {where}{order}{lock}
-- name: count
select count(*) from {table} where {where}{lock}
-- name: content
select count(*), coalesce(sum(digest), 0), count(digest) from (
  select cast(conv(left(md5(concat_ws(',', {columns})), 16), 16, 10) as decimal(20)) as digest from {table} where {where}
) as digests
-- name: insert_head
insert into {table} ({columns}) values
-- name: can_select
explain select {columns} from {table} where false
-- name: can_insert
explain insert into {table} ({columns}) select {nulls} from dual where false
-- name: can_update
explain update {table} set {settings} where false
-- name: can_delete
explain delete from {table} where false
-- name: create_scratch
create temporary table {scratch} like {table}
-- name: create_scratch_of
create temporary table {scratch} ({definitions}) engine = InnoDB {options}
-- name: definition
show create table {table}
