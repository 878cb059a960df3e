"""What rules may refer to: the tables and columns of a warehouse, known before there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.bundle import FRAMES
from recon.bundle.columns import COLUMNS as RECORDS
from recon.errors import SuiteError, suggest
from recon.ledger import TABLES as LEDGER
from recon.model import ENTITIES
from recon.profile import load_profile
from recon.rules.rule import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recon.profile import Profile
    from recon.rules import Rule

# What the warehouse itself adds to the application's tables.
ADDED = (
    "target.runs",
    *(f"{side}.{name}" for side in ("source", "target") for name in ("unreadable_values", "readings")),
    *(f"ledger.{name}" for name in LEDGER),
)


def known_names(profile: Profile) -> tuple[str, ...]:
    """Every table and column that a rule may name, e.g. "target.members" and "target.members.id".

    The names of the built-in profile are known under any profile: what a profile does not map is missing, which is not
    the rule's fault.
    """
    tables = {f"source.{name}": list(schema) for name, schema in FRAMES.items()}
    tables |= {f"source.{name}": [column.name for column in RECORDS[name]] for name in ENTITIES}
    for known in (load_profile(), profile):
        for table in known.tables:
            columns = [column.name for column in table.columns]
            tables[f"target.{table.name}"] = [*tables.get(f"target.{table.name}", ()), *columns]
    named = [name for table, columns in tables.items() for name in (table, *(f"{table}.{c}" for c in columns))]
    return tuple(dict.fromkeys((*named, *ADDED)))


def require_known(rules: Iterable[Rule], names: Iterable[str]) -> None:
    """Ensure that whatever the rules refer to can exist.

    Raises:
        SuiteError: A rule names a table or column that no profile and no bundle has, or declares the meaning
            of an empty table that it does not read.
    """
    known = set(names)
    for rule in rules:
        for key, reference in _references(rule):
            _require_known(rule, key, reference, known)
        for key, table in _empty_tables(rule):
            if table not in rule.tables:
                wanted = f"a table that it reads: {', '.join(rule.tables)}"
                raise _wrong(rule, key, wanted, table, f"Name {table} in meta.requires or meta.uses as well")


def _references(rule: Rule) -> Iterator[tuple[str, str]]:
    yield from ((_key(rule, reference), reference) for reference in rule.requires)
    yield from (("meta.uses", reference) for reference in rule.uses)


def _key(rule: Rule, reference: str) -> str:
    """The suite key that names it: expectations of another type name a table, and its columns in their kwargs."""
    if not rule.is_gx_native:
        return "meta.requires"
    return "meta.table" if reference == rule.table else "kwargs"


def _empty_tables(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.when_empty:
        yield "meta.when_empty.table", rule.when_empty.table
    yield from (("meta.right_when_empty", table) for table in rule.right_when_empty)


def _require_known(rule: Rule, key: str, reference: str, known: set[str]) -> None:
    table = table_of(reference)
    if reference in known or (table in ADDED and reference.count(".") == 2):
        return
    if table in known:
        choices = sorted(name for name in known if name.startswith(f"{table}."))
        wanted = f"a column of {table}: {', '.join(name.rpartition('.')[2] for name in choices)}"
    else:
        choices = sorted(name for name in known if name.count(".") == 1)
        wanted = f"a table: {', '.join(choices)}"
    raise _wrong(rule, key, wanted, reference, suggest(reference, choices))


def _wrong(rule: Rule, key: str, expected: str, found: str, next_step: str | None) -> SuiteError:
    where = f"{rule.source}, {rule.id}, {key}"
    return SuiteError(
        "A rule refers to what is not there", where=where, expected=expected, found=repr(found), next_step=next_step
    )
