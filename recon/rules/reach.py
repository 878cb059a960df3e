"""What the SQL of a rule may reach: the tables that are judged, by functions that look at nothing else.

The warehouse refuses to write, to read files and to load extensions; this refuses what is left: settings, the
catalog, the log, files of the warehouse's own, and whatever the next release of the engine adds.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from recon.warehouse.rule_reading import RuleReading

TREE = "select json_serialize_sql($sql) as tree"
FUNCTIONS = Path(__file__).with_name("functions.txt")
ROW_FUNCTIONS = ("generate_series", "json_each", "json_tree", "range", "regexp_split_to_table", "unnest")
SCHEMAS = ("source", "target", "ledger")
# In a recursive part: the table of all rows found so far.
RECURRING = "recurring"
NODES = frozenset(
    (
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"),
        *("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"),
        *("DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"),
        *("LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "TYPE", "WINDOW"),
    )
)
WRITING = ("INSERT_QUERY_NODE", "UPDATE_QUERY_NODE", "DELETE_QUERY_NODE", "MERGE_QUERY_NODE", "COPY_QUERY_NODE")
NEXT_STEP = "docs/checks.md says what a rule may use"


class ReachError(ValueError):
    """The SQL of a rule that reaches beyond what is judged, or that only might."""


def require_within_reach(sql: str, reading: RuleReading) -> None:
    """Require of a rule's query, before it runs, that every part of it is known to look at judged tables only.

    Args:
        sql: The query.
        reading: Parses it.

    Raises:
        ReachError: A part of it is not.
        ValueError: It is not one select.
    """
    reading.require_query(sql)
    [row] = reading.rows(TREE, {"sql": sql})
    try:
        tree = json.loads(row["tree"])
        if tree["error"]:
            raise ReachError(f"its SQL cannot be read: {tree['error_message']}")
        _require(tree["statements"], frozenset())
    except RecursionError:
        raise ReachError("its SQL is nested too deeply to be read") from None


@cache
def known_functions() -> frozenset[str]:
    """The functions that a rule may call, in lower case."""
    lines = FUNCTIONS.read_text(encoding="utf-8").splitlines()
    named = (name.lower() for line in lines if not line.startswith("# ") for name in line.split())
    return frozenset((*named, *ROW_FUNCTIONS))


def _require(node: Any, tables: frozenset[str]) -> None:
    """Require it of a part of the tree; `tables` are the names, in lower case, that its queries have defined."""
    if isinstance(node, list):
        for each in node:
            _require(each, tables)
    elif isinstance(node, dict):
        kind = node.get("class") or node.get("type")
        if isinstance(kind, str):
            _require_kind(kind, node, tables)
        if "cte_map" in node:
            tables = _defined(node["cte_map"]["map"], tables)
        repeats = kind == "RECURSIVE_CTE_NODE"
        for key, each in node.items():
            if key != "cte_map":
                _require(each, tables | {str(node["cte_name"]).lower()} if repeats and key == "right" else tables)


def _defined(queries: Any, tables: frozenset[str]) -> frozenset[str]:
    """The names that are known beside the queries of a `with`, each of which may use those before it."""
    for each in queries:
        _require(each["value"], tables)
        tables |= {str(each["key"]).lower()}
    return tables


def _require_kind(kind: str, node: dict[str, Any], tables: frozenset[str]) -> None:
    if kind in WRITING:
        raise ReachError("a rule's SQL only reads, and this would write")
    if kind not in NODES:
        _refuse(f"the part {kind.lower().replace('_', ' ')}")
    if kind == "BASE_TABLE":
        _require_table(node, tables)
    elif kind == "TABLE_FUNCTION":
        _require_rows(node["function"])
    elif "function_name" in node:
        _require_function(node, known_functions())


def _require_table(node: dict[str, Any], tables: frozenset[str]) -> None:
    *schema, name = (str(part).lower() for part in _path(node))
    is_defined = name in tables and schema in ([], [RECURRING])
    if not is_defined and (len(schema) != 1 or schema[0] not in SCHEMAS):
        _refuse(f"the table {'.'.join(map(repr, _path(node)))}")
    if node.get("at_clause"):
        _refuse("an earlier version of a table")


def _require_rows(function: Any) -> None:
    if not isinstance(function, dict) or function.get("class") != "FUNCTION":
        _refuse("what it selects from")
    _require_function(function, frozenset(ROW_FUNCTIONS))


def _require_function(node: dict[str, Any], known: frozenset[str]) -> None:
    if len(_path(node)) > 1 or str(node["function_name"]).lower() not in known:
        _refuse(f"the function {'.'.join(_path(node))}()")


def _path(node: dict[str, Any]) -> list[str]:
    return [str(part) for part in node["qualified_name"]["path"]]


def _refuse(what: str) -> NoReturn:
    schemas = ", ".join(SCHEMAS[:-1]) + f" and {SCHEMAS[-1]}"
    raise ReachError(
        f"a rule's SQL selects from the tables of {schemas} by functions of their values, and {what[:200]} is none of "
        f"these. {NEXT_STEP}"
    )
