"""Entries of Great Expectations' own types: the table and columns that they look at, and their metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from recon.errors import SuiteError
from recon.rules.conversion import convert, require_choice, sentence, wrong
from recon.rules.parts import FallbackEntry, SharedMeta, fallback_of, references_of, shared_fields
from recon.rules.rule import RULE_TYPE, SEVERITIES, Fallback, Rule, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COLUMN_KEYS = ("column", "column_A", "column_B", "column_list")
# The column that identifies a violating row; tables that are not listed here have none.
KEYS = {
    **{f"target.{name}": "id" for name in ("members", "events", "registrations", "tiers", "statuses")},
    **{f"source.{name}": "source_row" for name in ("members", "events", "registrations")},
}
# A batch holds the named columns only: an expectation that needs more would pass or fail whatever the data.
OUT_OF_REACH = {
    **dict.fromkeys(
        (
            "expect_column_to_exist",
            "expect_table_columns_to_match_ordered_list",
            "expect_table_columns_to_match_set",
            "expect_table_column_count_to_be_between",
            "expect_table_column_count_to_equal",
        ),
        "Only named columns are read; a missing column is reported by meta.when_missing of a check that names it",
    ),
    **dict.fromkeys(
        (
            "expect_query_results_to_match_comparison",
            "expect_table_row_count_to_equal_other_table",
            "unexpected_rows_expectation",
        ),
        f"Write it in SQL, as an entry of the type {RULE_TYPE}",
    ),
}
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
NOT_KWARGS = {
    **dict.fromkeys(
        ("row_condition", "condition_parser", "windows"), f"Write it in SQL, as an entry of the type {RULE_TYPE}"
    ),
    **dict.fromkeys(("result_format", "catch_exceptions", "batch_id"), "recon sets it"),
}


class ForeignMetaEntry(SharedMeta, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of an expectation of Great Expectations' own."""

    table: str


class ForeignEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An expectation of Great Expectations' own; only its class there knows its kwargs."""

    type: str
    description: str
    kwargs: dict[str, Any]
    meta: ForeignMetaEntry
    severity: str = "critical"
    id: str | None = None
    notes: Any = None
    rendered_content: Any = None


STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    "": ForeignEntry,
    "meta": ForeignMetaEntry,
    "meta.when_missing": FallbackEntry,
    "meta.when_empty": FallbackEntry,
}


def read_foreign(entry: dict[str, Any], where: str, file: Path) -> Rule:
    """The rule that an expectation of a type other than ours defines.

    Raises:
        SuiteError: Names the key and the problem, or why recon cannot have it judged.
    """
    written = convert(entry, ForeignEntry, where, STRUCTS)
    if written.type in OUT_OF_REACH:
        raise wrong(
            where, "type", "an expectation about the rows of one table", written.type, OUT_OF_REACH[written.type]
        )
    meta, (table,) = written.meta, references_of([written.meta.table], where, "meta.table")
    if table != table_of(table):
        raise wrong(where, "meta.table", "one table, such as target.members", repr(table), "Name columns in kwargs")
    _require_kwargs(written.kwargs, where)
    columns = tuple(dict.fromkeys(_columns(written.kwargs, where)))
    return Rule(
        **shared_fields(meta, where),
        suite="",
        file=file,
        type=written.type,
        severity=require_choice(written.severity, SEVERITIES, where, "severity"),
        description=sentence(written.description),
        table=table,
        parameters=written.kwargs,
        requires=tuple(f"{table}.{column}" for column in columns) or (table,),
        uses=_key(table, columns),
        when_empty=_when_empty(meta, where),
    )


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that the rule's kwargs name, unqualified."""
    return tuple(name.rpartition(".")[2] for name in rule.requires if name != rule.table)


def key_of(rule: Rule) -> str | None:
    """The column that identifies the rows of its table, None where there is none."""
    return KEYS.get(rule.table)


def _require_kwargs(kwargs: Mapping[str, Any], where: str) -> None:
    for name, why in NOT_KWARGS.items():
        if name in kwargs:
            raise wrong(where, f"kwargs.{name}", "kwargs about values", f"{name}", why)
    _require_local(kwargs.get("json_schema"), where)
    mostly = kwargs.get("mostly", 1)
    is_number = isinstance(mostly, int | float) and not isinstance(mostly, bool)
    if not (is_number and 0 < mostly <= 1):
        # At 0, any rows would pass.
        raise wrong(where, "kwargs.mostly", "a number above 0, up to 1", repr(mostly)[:60])


def _require_local(value: Any, where: str) -> None:
    """Refuse a JSON schema that refers to another document, which would be read from a file or from the network."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in REFERENCES and not str(inner).startswith("#"):
            raise wrong(where, f"kwargs … {key}", "a place in the same schema, such as '#/$defs/…'", repr(inner)[:100])
        _require_local(inner, where)


def _columns(kwargs: Mapping[str, Any], where: str) -> Iterator[str]:
    """The named columns, in the order of the keys."""
    for key in COLUMN_KEYS:
        if key not in kwargs:
            continue
        named = kwargs[key] if key == "column_list" else [kwargs[key]]
        if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
            wanted = "a list of columns of the table" if key == "column_list" else "a column of the table"
            raise SuiteError("A rule is wrong", where=f"{where}, kwargs.{key}", expected=wanted, found=repr(named)[:60])
        yield from named


def _key(table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    key = KEYS.get(table)
    return (f"{table}.{key}",) if key and key not in columns else ()


def _when_empty(meta: ForeignMetaEntry, where: str) -> Fallback | None:
    fallback = fallback_of(meta.when_empty, where, "meta.when_empty")
    return replace(fallback, table=fallback.table or meta.table) if fallback else None
