-- name: tables
select table_name, table_type, coalesce(engine, '') from information_schema.tables
where table_schema = database() and table_type <> 'VIEW' order by 1
-- name: views
select table_name from information_schema.views where table_schema = database() order by 1
-- name: triggers
select trigger_name, event_object_table from information_schema.triggers where trigger_schema = database()
order by event_object_table, event_manipulation, action_timing, action_order
-- name: routines
select lower(routine_type), routine_name from information_schema.routines
where routine_schema = database() and routine_type in ('PROCEDURE', 'FUNCTION') order by 1, 2
-- name: events
select event_name from information_schema.events where event_schema = database() order by 1
-- name: schemas
select schema_name from information_schema.schemata order by 1
-- name: references
select distinct table_name, referenced_table_name from information_schema.referential_constraints
where constraint_schema = database() and unique_constraint_schema = database() order by 1, 2
-- name: foreign
select table_name, unique_constraint_schema, referenced_table_name from information_schema.referential_constraints
where constraint_schema = database() and unique_constraint_schema <> database() order by 1, 2, 3
-- name: referring
select distinct constraint_schema, table_name, referenced_table_name from information_schema.referential_constraints
where unique_constraint_schema = database() and constraint_schema <> database() order by 1, 2, 3
-- name: stamps
select c.table_name, c.column_name from information_schema.columns c
join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
where c.table_schema = database() and t.table_type = 'BASE TABLE' and c.data_type in ('datetime', 'timestamp')
order by 1, c.ordinal_position
-- name: stored
select column_name from information_schema.columns
where table_schema = database() and table_name = %s and coalesce(generation_expression, '') = ''
order by ordinal_position
-- name: written
select {created}, {edited} from {table}
-- name: others
select count(*) from information_schema.processlist where db = database() and id <> connection_id()
-- name: counters
select name, num_rows, modified_counter, autoinc from information_schema.innodb_sys_tablestats
where substring_index(name, '/', 1) = cast(convert(database() using filename) as binary) and name not like '%/FTS\_%'
order by 1
-- name: is_waiting
select count(*) from information_schema.processlist where id = {number} and state like 'Waiting for%metadata lock'
-- name: writers
select count(*) from information_schema.processlist
where db = database() and id not in ({own}) and state like 'Waiting for%metadata lock'
  and info regexp '^[^a-z]*(insert|update|delete|replace|load|call|truncate|with|set|execute)'
-- name: holders_shown
select distinct t.processlist_id, t.processlist_user, t.processlist_command, t.processlist_time
from performance_schema.metadata_locks l join performance_schema.threads t on t.thread_id = l.owner_thread_id
where l.object_type = 'TABLE' and l.lock_status = 'GRANTED' and l.object_schema = database()
  and t.processlist_id not in ({own}) order by 1
-- name: holders_listed
select distinct p.id, p.user, p.command, p.time
from information_schema.metadata_lock_info l join information_schema.processlist p on p.id = l.thread_id
where l.table_schema = database() and l.lock_type = 'Table metadata lock' and p.id not in ({own}) order by 1
-- name: holders_open
select p.id, p.user, p.command, p.time
from information_schema.innodb_trx t join information_schema.processlist p on p.id = t.trx_mysql_thread_id
where p.id not in ({own}) and (p.db = database() or p.db is null) order by 1
-- name: holders_possible
select id, user, command, time from information_schema.processlist
where db = database() and id not in ({own}) and coalesce(state, '') not like 'Waiting for%metadata lock' order by 1
