"""A rule of one's own reaches nothing beside the tables that are judged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from judged_rules import RULES, warehouse_of
from msgspec.structs import replace

from recon.model import Outcome
from recon.rules.evaluation import evaluate
from recon.rules.reach import ROW_FUNCTIONS, known_functions, require_within_reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.model import Check
    from recon.warehouse import Warehouse

# `[file]` is a file of the test's, `[spill]` one in the folder in which the warehouse may write.
STATEMENTS = """
copy target.members to '[spill]'
copy target.members to '[file]'
copy (select 1) to '[spill]' (format parquet)
copy target.members from '[file]'
export database '[spill]'
import database '[spill]'
attach '[spill]' as other
attach ':memory:' as other
detach memory
use target
use memory
install httpfs
load httpfs
force install json from core
update extensions
pragma version
pragma enable_profiling
pragma database_size
pragma force_checkpoint
pragma enable_verification
pragma import_database('[spill]')
set memory_limit = '8GB'
set enable_external_access = true
set threads = 64
set global temp_directory = '[file]'
set variable x = 1
reset memory_limit
reset variable x
call checkpoint()
call enable_logging()
call disable_logging()
call truncate_duckdb_logs()
call pragma_version()
checkpoint
force checkpoint
vacuum
analyze
begin transaction
commit
rollback
create table target.more (a integer)
create table target.copied as select * from target.members
create temp table t as select 1
create view target.v as select 1
create macro target.m(a) as a
create schema more
create sequence s
create type t as enum ('a')
create index i on target.members (id)
create secret s (type s3, key_id 'a', secret 'b')
create persistent secret s (type s3, key_id 'a', secret 'b')
drop table target.members
drop schema target cascade
drop secret s
alter table target.members add column x integer
alter table target.members rename to people
insert into target.members values ('x', 'y')
insert or replace into target.members values ('x', 'y')
update target.members set tier_id = null
delete from target.members
truncate target.members
merge into target.members using target.tiers t on false when not matched then insert values (t.id, null)
prepare p as select 1
execute p
deallocate p
explain select 1
explain analyze select * from target.members
comment on table target.members is 'x'
grant select on target.members to x
pivot target.members on tier_id using count(*)
select 1; select 2
select 1; drop table target.members
select 1; copy target.members to '[spill]'
;
-- nothing
selec 1
with x as (copy target.members to '[spill]') select 1
with x as (copy (select 1) to '[spill]' (format csv)) select * from x
with x as (insert into target.members values ('x', 'y') returning *) select * from x
with x as (update target.members set tier_id = null returning *) select * from x
with x as (delete from target.members returning *) select * from x
with x as (select 1), y as (delete from target.tiers returning *) select * from x, y
select * from (with x as (delete from target.members returning *) select * from x)
with recursive r(n) as (select 1 union all select n + 1 from r, checkpoint()) select * from r limit 3
select * from checkpoint()
select * from force_checkpoint()
select * from enable_logging()
select * from enable_logging('QueryLog')
select * from enable_logging(storage = 'file', storage_path = '[spill]')
select * from enable_logging(level = 'trace', storage_path = '[file]')
select * from disable_logging()
select * from truncate_duckdb_logs()
select * from enable_profiling()
select * from disable_profiling()
select * from duckdb_logs()
select * from duckdb_logs
select * from duckdb_logs_parsed('QueryLog')
select * from duckdb_log_contexts()
select * from duckdb_profiling_settings()
select write_log('x')
select write_log('x', level := 'error', scope := 'database')
select write_log(id) from target.members
select id from target.members where write_log(id) is null
select id from target.members order by write_log(id)
select count(*) from target.members group by write_log(id)
select count(*) from target.members having write_log('x') is null
select id from target.members qualify row_number() over (order by write_log(id)) > 1
select sum(1) over (partition by write_log(id)) from target.members
select sum(1) over w from target.members window w as (order by write_log(id))
select count(*) filter (where write_log(id) is null) from target.members
select string_agg(id, ',' order by write_log(id)) from target.members
select list_transform([1], lambda x: write_log('x'))
select [write_log('x') for x in [1]]
select case when write_log('x') is null then 1 end
select cast(write_log('x') as varchar)
select write_log('x') collate nocase
select write_log('x')[1]
select {'a': write_log('x')}
select [write_log('x')]
select map {'a': write_log('x')}
select 1 in (write_log('x'))
select 1 between write_log('x') and 2
select coalesce(null, write_log('x'))
select try(write_log('x'))
select 'x'.write_log()
select 1 limit (select write_log('x'))
select 1 limit 1 offset (select length(write_log('x')))
select distinct on (write_log(id)) id from target.members
select * replace (write_log(id) as id) from target.members
select columns(c -> write_log(c) is null) from target.members
select * from target.members m join target.tiers t on write_log(m.id) is null
select * from unnest([write_log('x')])
select * from range(length(write_log('x')))
select * from (values (write_log('x')))
select (select write_log('x'))
select exists (select write_log('x'))
select 1 union all select write_log('x')
select 1 except select write_log('x')
select * from (pivot target.members on tier_id in ('a') using max(write_log(id)))
select * from target.members using sample 1 rows order by write_log('x')
select getenv('HOME')
select getvariable('x')
select current_setting('temp_directory')
select current_setting('memory_limit')
select current_query()
select current_database()
select current_schemas(true)
select in_search_path('memory', 'target')
select txid_current()
select version()
select nextval('s')
select currval('s')
select setseed(0.5)
select sleep_ms(1)
select pg_sleep(1)
select stats(id) from target.members
select vector_type(id) from target.members
select json_execute_serialized_sql(json_serialize_sql('select 1'))
select * from json_execute_serialized_sql(json_serialize_sql('select 1'))
select json_serialize_sql('select 1')
select json_deserialize_sql('x')
select json_serialize_plan('select 1')
select md5(main.write_log('x'))
select system.main.write_log('x')
select pg_catalog.pg_get_viewdef(1)
select __internal_compress_string_hugeint('x')
select parse_duckdb_log_message('QueryLog', 'x')
select no_such_function(1)
select * from read_csv('[file]')
select * from read_csv_auto('[file]')
select * from read_json('[file]')
select * from read_json_objects('[file]')
select * from read_ndjson('[file]')
select * from read_parquet('[file]')
select * from parquet_scan('[file]')
select * from parquet_metadata('[file]')
select * from parquet_schema('[file]')
select * from parquet_kv_metadata('[file]')
select * from read_text('[file]')
select * from read_text('/etc/passwd')
select * from read_text('/proc/self/environ')
select * from read_blob('/proc/self/environ')
select * from read_text('[spill]')
select * from read_text('https://127.0.0.1:1/x')
select * from read_csv('s3://bucket/x')
select * from read_duckdb('[file]')
select * from sniff_csv('[file]')
select * from glob('/**')
select * from glob('[spill]*')
select * from '[file]'
select * from '[spill]'
select * from "/etc/passwd"
select * from 'https://127.0.0.1:1/x.csv'
select * from (with "[file]" as (select 1) select * from "[file]"), "[file]"
with "[file]" as (select * from "[file]") select * from "[file]"
with a as (select * from b), b as (select 1) select * from a
select * from query('select 1')
select * from query('drop table target.members')
select * from query_table('target.members')
select * from query_table(['members'])
select * from repeat('x', 3)
select * from repeat_row(1, num_rows = 3)
select * from seq_scan('members')
select * from arrow_scan(1, 2, 3)
select * from pandas_scan(1)
select * from python_map_function(1)
select * from summary((select 1))
select * from test_all_types()
select * from test_vector_types(null::integer)
select * from which_secret('s3://x', 's3')
select * from duckdb_settings()
select * from duckdb_secrets()
select * from duckdb_extensions()
select * from duckdb_functions()
select * from duckdb_tables()
select * from duckdb_variables()
select * from duckdb_databases()
select * from duckdb_temporary_files()
select * from duckdb_memory()
select * from duckdb_settings
select * from pragma_version()
select * from pragma_database_size()
select * from pragma_storage_info('target.members')
select * from pragma_table_info('target.members')
select * from pragma_user_agent()
select * from pragma_platform()
select * from information_schema.tables
select * from pg_catalog.pg_settings
select * from pg_settings
select * from sqlite_master
select * from main.sqlite_schema
select * from temp.members
select * from members
select * from memory.target.members
select * from kept.target.members
select * from recon.state
select * from reading.unread
select * from frame
select * from os
select * from (show tables)
select * from (describe target.members)
select * from (summarize target.members)
show tables
describe target.members
summarize target.members
select * from target.members at (version => 1)
select * from target.members at (timestamp => now())
select * from histogram('target.members', id)
select * from histogram_values('target.members', id)
select default
"""
ALLOWED = """
select * from target.members where id is null
from target.members
select id from TARGET.Members where tier_id not in (select id from target.tiers)
select "id" from "target"."members" m where not exists (select 1 from target.tiers t where t.id = m.tier_id)
with a as (select id from target.members), b as (select * from a) select a.id from a join b using (id) where a.id = ''
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r where n > 5
with recursive r(n) using key (n) as (select 1 union select n + 1 from recurring.r where n < 5) select n from r
select count(*) as n from target.members having count(*) < 0
select id, row_number() over (partition by tier_id order by id desc nulls last) as n from target.members qualify n > 99
select rank() over w as r from target.members window w as (order by id rows between 1 preceding and current row) limit 0
select m.id from target.members m left join target.registrations r on r.member_id = m.id where r.id = 'x' and m.id <> ''
select id from target.members semi join target.tiers using (id)
select id from target.members where id like 'no%' or id ilike 'N_' or id similar to '[x]+' or regexp_matches(id, '^x$')
select try_cast(id as integer) as n, id::varchar as v from target.members where n < -1
select strftime(now(), '%Y') as y, date_trunc('month', current_date) as m where y < '1970'
select extract(year from date '2024-01-15') as y where y < 0
select interval 1 day as i, timestamp '2024-01-15' + interval '2 hours' as t where t < timestamp '2000-01-01'
select list_transform([1, 2], lambda x: x + 1) as l where len(l) = 0
select [x * 2 for x in [1, 2] if x > 1] as l where len(l) = 0
select unnest([1, 2]) as n limit 0
select * from unnest([1, 2]) with ordinality as t(n, o) where n > 5
select * from range(3) t(i) where i > 5
select * from generate_series(1, 3) t(i) where i > 5
select * from json_each('{"a": 1}') where key = 'b'
select {'a': 1}.a as a, map {'k': 2}['k'] as k, [1, 2][1:1] as l where a > 1
select '{"a": {"b": 1}}'::json -> 'a' ->> 'b' as b where b = '2'
select json_extract_string('{"a": 1}', '$.a') as a where a = '2'
select case when id is null then 'x' else id end as c from target.members where c = 'x'
select coalesce(nullif(trim(lower(id)), ''), 'none') as c from target.members where c = 'none'
select id from target.members where id collate nocase = 'NONE'
select id from target.members where (id, tier_id) in (select ('a', 'b'))
select id from target.members union select id from target.tiers except select id from target.tiers intersect select ''
select tier_id, count(*) filter (where id > '') as n from target.members group by all having n > 99 order by all
select grouping(tier_id) as g, count(*) as n from target.members group by rollup (tier_id) having n > 99
select string_agg(distinct id, ', ' order by id) as s from target.members having s = 'x'
select quantile_cont(x, 0.5) as q, median(x) as m, stddev(x) as s from (values (1.0), (2.0)) v(x) having q > 5
select * exclude (tier_id) replace (upper(id) as id) from target.members where false
select columns('id') from target.members where false
select distinct on (tier_id) id from target.members where false order by tier_id, id
select * from (pivot target.members on tier_id in ('a', 'b') using count(*) group by id) where false
select * from (unpivot target.members on id, tier_id into name n value v) where false
select id from target.members using sample 10 rows
select id from target.members limit 0
select md5(id) as d, hash(id) as h, sha256(id) as s from target.members where d = ''
select levenshtein(id, tier_id) as l, jaro_winkler_similarity(id, 'x') as j from target.members where l < 0
select round(1.5) as r, 7 // 2 as d, 7 % 2 as m, 2 ** 3 as p, abs(-1) as a, greatest(1, 2) as g where r < 0
select $limit::integer as n where n < 0
select try(1 / 0) as t where t is not null
select printf('%d', 1) as p, format('{}', 1) as f where p = '2'
select split_part(id, '-', 1) as s, string_split(id, '-') as l from target.members where s = 'none'
select epoch_ms(0) as t, to_timestamp(0) as u, make_date(2024, 1, 1) as d where d < date '2000-01-01'
select timestamptz '2024-01-15 12:00:00+00' at time zone 'Europe/Berlin' as t where t < timestamp '2000-01-01'
select * from source.counts where false
select * from source.members where false
select * from ledger.members where false
select m.* from target.members m, lateral (select m.id as i) l where l.i = 'none'
select * from target.members a asof join target.tiers b on a.id >= b.id where false
select * from target.members positional join target.tiers where false
"""


NO_ROW = "select 1 where false"
REFUSALS = tuple(f"Not evaluated: {what}" for what in ("a rule's SQL", "its SQL", "Parser Error"))


def forms(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with warehouse_of(target={"members": [("m1", "t1"), ("m2", "t2")], "tiers": [("t1", "gold", "1")]}) as made:
        yield made


def judged(sql: str, warehouse: Warehouse, values_sql: str | None = None) -> Check:
    """The check of a rule of one's own."""
    written = replace(
        RULES["member_count"],
        id="own",
        sql=sql,
        values_sql=values_sql,
        parameters={"limit": 1},
        requires=("target.members",),
        uses=(),
        messages={"pass": "None", "fail": "Some"},
        is_shipped=False,
    )
    return evaluate(written, warehouse)


def state(warehouse: Warehouse, *folders: Path) -> dict[str, Any]:
    """All that a rule could have changed."""
    asked = {
        "tables": "select schema_name, table_name, column_count, estimated_size from duckdb_tables() order by all",
        "views": "select view_name from duckdb_views() where not internal",
        "functions": "select function_name from duckdb_functions() where not internal order by all",
        "settings": "select name, value, scope from duckdb_settings() order by all",
        "databases": "select database_name, path from duckdb_databases() order by all",
        "variables": "from duckdb_variables()",
        "members": "from target.members order by all",
        "tiers": "from target.tiers order by all",
        "log": "select count(*) from duckdb_logs()",
    }
    files = {str(path): path.stat().st_size for folder in folders for path in sorted(folder.rglob("*"))}
    found = {name: warehouse.connection.execute(sql).fetchall() for name, sql in asked.items()}
    return {**found, "files": files, "environment": dict(os.environ)}


def test_no_form_of_statement_reaches_anything_else(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    read = tmp_path / "read.csv"
    read.write_text("a,b\n1,2\n", encoding="utf-8")
    before = state(warehouse, tmp_path, warehouse.scratch)
    listed = [
        form.replace("[file]", str(read)).replace("[spill]", str(warehouse.scratch / "out"))
        for form in forms(STATEMENTS)
    ]
    assert len(set(listed)) >= 170
    for is_values in (False, True):
        for form in listed:
            found = judged(NO_ROW, warehouse, form) if is_values else judged(form, warehouse)
            assert found.outcome is Outcome.ERROR, form
            assert found.message.startswith(REFUSALS), (form, found.message)
        assert state(warehouse, tmp_path, warehouse.scratch) == before


@pytest.mark.parametrize("sql", forms(ALLOWED))
def test_what_rules_are_written_in_is_understood(sql: str, warehouse: Warehouse) -> None:
    found = judged(sql, warehouse)
    assert found.outcome in (Outcome.PASS, Outcome.FAIL), found.message


def test_every_shipped_rule_stays_within_reach(warehouse: Warehouse) -> None:
    queries = [sql for rule in RULES.values() for sql in (rule.sql, rule.values_sql) if sql]
    assert len(queries) > len(RULES)
    with warehouse.reading() as reading:
        for sql in queries:
            require_within_reach(sql, reading)


def test_every_function_that_may_be_called_is_one_of_the_engine(warehouse: Warehouse) -> None:
    known = {
        name.lower()
        for (name,) in warehouse.connection.execute("select function_name from duckdb_functions()").fetchall()
    }
    assert known_functions() - known - {"ifnull"} == set()
    assert not [name for name in known_functions() if name.startswith(("read_", "duckdb_", "pragma_", "pg_"))]


def test_the_message_names_what_is_out_of_reach(warehouse: Warehouse) -> None:
    said = judged("select * from target.members where length(current_setting('threads')) > 0", warehouse).message
    assert "the function current_setting() is none of these" in said
    said = judged("select * from information_schema.tables", warehouse).message
    assert "the table 'information_schema'.'tables' is none of these" in said


def test_sql_that_is_nested_too_deeply_is_refused_and_not_run(warehouse: Warehouse) -> None:
    found = judged(f"select {'(' * 800}1{' + 1)' * 800} where false", warehouse)
    assert (found.outcome, found.violation_count) == (Outcome.ERROR, None)


def test_functions_that_return_rows_are_listed_once() -> None:
    assert len(set(ROW_FUNCTIONS)) == len(ROW_FUNCTIONS)
