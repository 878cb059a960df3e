"""What the unexplained have in common: values that most of a group have and few of the others, never as a cause."""

from __future__ import annotations

from collections import defaultdict
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from recon.ledger.common_values import POSITIONS, Common, Group, sentence_of
from recon.ledger.entities import EVERY_ENTITY
from recon.ledger.hypergeometric import log_tail
from recon.ledger.traits import Side, Trait, TraitReader
from recon.masking import mask_text
from recon.model import Association
from recon.sql import named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from recon.model import EntityAccount, Ledger
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("associations.sql"))
# Of random groups, at most this share has anything reported, over all groups of a run together.
MOST_BY_CHANCE = 0.05
FEWEST = 5
MOST_REPORTED = 5
STEPS = 10
LEAST_P_VALUE = 1e-300
GROUPS = ("missing", "altered", "unexpected")
ORDER = [(entity.name, group) for entity in EVERY_ENTITY for group in GROUPS]
# By what the records and rows are identified.
KEYS = {"s": "s.rowid", "t": "t.id"}
# Rows that nothing refers to are the only ones that can be deleted alone: so a group without registrations also has to
# stand out among the records without any, if there are so many.
REFERENCES = {parents: quote(field) for entity in EVERY_ENTITY for field, parents in entity.parents.items()}
FEWEST_ALIKE = 50
NAMED = "{sql} as {name}"


class Tested(Struct, frozen=True):
    """What the groups of one side have in common, and how many values could have been found."""

    found: tuple[Common, ...]
    tests: int


class AssociationReader:
    """Tests the values of unexplained records and rows against those of the others.

    Args:
        warehouse: A warehouse whose ledger is built.
        stored: DuckDB's type by column, as of `stored_types`.
        personal: Columns that hold personal data: they are not tested.
        masked: Whether addresses and phone numbers in the values are masked.
    """

    def __init__(
        self, warehouse: Warehouse, stored: Mapping[str, str], personal: Collection[str], *, masked: bool
    ) -> None:
        self._warehouse, self._stored, self._personal = warehouse, stored, personal
        self._masked = masked

    def read(self, ledger: Ledger) -> tuple[Association, ...]:
        """Return what each group of at least five has in common, the least likely values first.

        The p-values are corrected (Bonferroni) for all values of all groups that could have been found.
        """
        large = [each for each in ledger.entities if max(each.unexplained_records, each.unexplained_rows) >= FEWEST]
        if not large:
            return ()
        traits = TraitReader(self._warehouse, self._stored, self._personal)
        tested = [each for account in large for each in self._tested(account, traits)]
        tests = log(max(sum(each.tests for each in tested), 1))
        rare = [each for one in tested for each in one.found if each.log_p + tests <= log(MOST_BY_CHANCE)]
        by_group: dict[tuple[str, str], list[Common]] = defaultdict(list)
        for common in sorted(rare, key=lambda each: each.log_p):
            by_group[common.group.side.entity.name, common.group.name].append(common)
        reported = [common for key in ORDER if key in by_group for common in _telling(by_group[key])[:MOST_REPORTED]]
        return tuple(self._association(common, common.log_p + tests) for common in reported)

    def _tested(self, account: EntityAccount, traits: TraitReader) -> Iterator[Tested]:
        """Yield what the groups of an entity that are large enough have in common, for each side."""
        (sizes,) = self._warehouse.rows(STATEMENTS["sizes"].format(entity=account.entity))
        entity = next(each for each in EVERY_ENTITY if each.name == account.entity)
        large = [name for name in GROUPS if sizes[name] >= FEWEST]
        for side_of, names in ((traits.of_records, ("missing", "altered")), (traits.of_rows, ("unexpected",))):
            chosen = [name for name in names if name in large]
            side = side_of(entity) if chosen else None
            if side and side.traits:
                yield self._of_side(side, chosen)

    def _of_side(self, side: Side, names: Sequence[str]) -> Tested:
        self._count_totals(side)
        groups = [self._group(side, name) for name in names]
        found = tuple(common for group, commons in groups for common in commons)
        tests = sum(self._tests(group) for group, _ in groups if group.others)
        self._do("close")
        return Tested(found, tests)

    def _count_totals(self, side: Side) -> None:
        """Count how many records or rows have each value of each trait."""
        for parent in side.parents:
            self._do("parents", **parent.parts, table=side.table)
        queries = [_totals(side, place, trait) for place, trait in enumerate(side.traits)]
        self._do("totals", queries=" union all ".join(queries))

    def _group(self, side: Side, name: str) -> tuple[Group, list[Common]]:
        """Return one group, and what it has in common."""
        is_apart = {"missing": self._orphans, "altered": self._without, "unexpected": self._older}[name](side)
        group = self._compared(side, name, is_apart)
        found = list(self._common(group)) if group.others else []
        if name == "missing" and found and self._has_no_registrations(side):
            alike = self._compared(side, name, f"{is_apart} or {self._is_registered(side)}")
            if alike.others >= max(FEWEST_ALIKE, group.of):
                found = _found_twice(found, list(self._common(alike)))
        return group, found

    def _compared(self, side: Side, name: str, is_apart: str) -> Group:
        """Choose a group and those that it is compared with; `is_apart`: the condition of those that it is not."""
        self._do(name, entity=side.entity.name, is_apart=f"({is_apart})")
        traits = ", ".join(NAMED.format(sql=trait.sql, name=_name(place)) for place, trait in enumerate(side.traits))
        self._do("looked_at", key=KEYS[side.alias], traits=traits, links=side.links, **_positions(side))
        (counted,) = self._warehouse.rows(STATEMENTS["counted"])
        others = self._warehouse.row_count(side.table) - counted["of"] - counted["apart"]
        return Group(side, name, counted["of"], others)

    def _has_no_registrations(self, side: Side) -> bool:
        """Whether registrations refer to the entity, but none to a record of the group that was chosen last."""
        if side.entity.name not in REFERENCES or not self._warehouse.row_counts.get("source.registrations"):
            return False
        sql = STATEMENTS["registered"].format(is_registered=self._is_registered(side))
        return not self._warehouse.rows(sql)[0]["n"]

    def _is_registered(self, side: Side) -> str:
        name = side.entity.name
        return STATEMENTS["is_registered"].format(entity=name, reference=REFERENCES[name])

    def _orphans(self, side: Side) -> str:
        """Return the condition that a parent of a record is not in the database."""
        conditions = []
        for parent in side.parents:
            (orphans,) = self._warehouse.rows(STATEMENTS["orphans"].format(**parent.parts))
            if orphans["n"]:
                conditions.append(STATEMENTS["is_orphan"].format(entity=side.entity.name, **parent.parts))
        return " or ".join(conditions) or "false"

    def _without(self, side: Side) -> str:
        """Return the condition that a record lacks what all that were altered had: a value."""
        entity = side.entity.name
        fields = self._warehouse.rows(STATEMENTS["altered_fields"], {"entity": entity})
        if not fields or not all(field["had_value"] for field in fields):
            return "false"
        columns = ", ".join(quote(field["field"]) for field in fields)
        return STATEMENTS["is_without"].format(entity=entity, columns=columns)

    def _older(self, side: Side) -> str:
        """Return the condition that the run did not create a row, if it created any."""
        (created,) = self._warehouse.rows(STATEMENTS["creates"].format(entity=side.entity.name))
        return STATEMENTS["is_older"] if created["any_row"] else "false"

    def _common(self, group: Group) -> Iterator[Common]:
        """Yield the values that at least half of the group have, and the least likely range of positions."""
        side, sizes = group.side, {"of": group.of, "half": group.half, "steps": STEPS}
        rows = self._warehouse.rows(STATEMENTS["windows"].format(**_positions(side)), sizes)
        # Without a position of each, there is no order.
        if rows and rows[0]["size"] == group.of:
            yield min((_range(group, row) for row in rows), key=lambda common: common.log_p)
        queries = [STATEMENTS["shared"].format(place=place, name=_name(place)) for place in range(len(side.traits))]
        for row in self._warehouse.rows(" union all ".join(queries) + " order by place, value", sizes):
            others = row["n"] - row["found"] - row["found_apart"]
            log_p = log_tail(group.of + group.others, row["found"] + others, group.of, row["found"])
            trait = side.traits[row["place"]]
            yield Common(group, trait, row["value"], row["found"], others, group.others, log_p)

    def _tests(self, group: Group) -> int:
        """Return how many values could have been found: those that are frequent enough, and not everywhere."""
        most = self._warehouse.row_count(group.side.table) - 1
        (frequent,) = self._warehouse.rows(STATEMENTS["tests"], {"half": group.half, "most": most})
        return int(frequent["n"]) + STEPS + 1

    def _do(self, name: str, **parts: str) -> None:
        self._warehouse.execute(STATEMENTS[name].format(**parts))

    def _association(self, common: Common, log_p: float) -> Association:
        group, share = common.group, round(100 * common.others / common.whole, 1)
        value = common.value if common.value is None or not self._masked else mask_text(common.value)
        return Association(
            entity=group.side.entity.name,
            group=group.name,
            field=common.field,
            value=value,
            count=common.found,
            of=group.of,
            share_of_others=share,
            p_value=max(float(f"{exp(log_p):.3g}"), LEAST_P_VALUE),
            sentence=sentence_of(common, value),
        )


def _positions(side: Side) -> dict[str, str]:
    return {"table": side.table, "alias": side.alias, "position": f"{side.alias}.{POSITIONS[side.alias]}"}


def _name(place: int) -> str:
    return f"trait_{place}"


def _totals(side: Side, place: int, trait: Trait) -> str:
    """The SQL that counts the values of a trait."""
    references = {parent.parts["reference"]: parent.parts["parent"] for parent in side.parents}
    of = "parent" if trait.parent else "reference" if trait.column in references else "own"
    parent = trait.parent or references.get(trait.column, "")
    parts = {**asdict(trait), "table": side.table, "alias": side.alias, "parent": parent}
    return STATEMENTS[f"totals_of_{of}"].format(place=place, **parts)


def _found_twice(commons: Sequence[Common], alike: Sequence[Common]) -> list[Common]:
    """What is also found among those that are alike: of both likelihoods, the greater one."""
    others = {(common.field, common.trait and common.value): common.log_p for common in alike}
    return [
        replace(common, log_p=max(common.log_p, others[key]))
        for common in commons
        if (key := (common.field, common.trait and common.value)) in others
    ]


def _telling(commons: list[Common]) -> list[Common]:
    """Leave out what follows: of one and the same parent, every trait is shared."""
    shared = {(common.field, common.found) for common in commons}
    return [
        common for common in commons if not common.trait or (f"{common.trait.parent}_id", common.found) not in shared
    ]


def _range(group: Group, row: Mapping[str, Any]) -> Common:
    """A range of positions; the likelihood is that of so many in so few positions after any one of the group."""
    whole, width = row["whole"], row["width"]
    log_p = log(group.of) + log_tail(whole - 1, width - 1, group.of - 1, row["size"] - 1)
    value = f"{row['since']} to {row['until']}"
    return Common(group, None, value, row["found"], width - row["found"], whole - group.of, min(log_p, 0.0))
