"""The account: the result of the ledger's tables as frozen objects, with personal data masked."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from recon.ledger.kinds import KINDS
from recon.ledger.outcome_counts import OutcomeCounts
from recon.masking import mask_text
from recon.masking.frames import mask_value
from recon.model import (
    Cause,
    DuplicateKey,
    EntityAccount,
    Example,
    Ledger,
    LevelTiers,
)
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("accounts.sql"))
EXAMPLES = 3
MOST_DUPLICATE_KEYS = 100
NATURAL_KEY = "natural key"


class EntityResult(Struct):
    """What was found about one entity in addition to its tables.

    Attributes:
        tally: The counts of its records and rows.
        natural_key: The name of the natural key with its columns: "natural key (email)".
        not_compared: Field → reason; without those left out on purpose.
        normalised: Field and normaliser → number of records that are equal only because of it.
        time_stamps: What a reader has to know about when rows were written; empty: nothing.
    """

    entity: str
    tally: OutcomeCounts
    origin: str
    natural_key: str
    not_compared: dict[str, str]
    normalised: dict[str, int] = field(default_factory=dict)
    time_stamps: str = ""


class AccountReader:
    """Reads the account from the ledger's tables.

    Args:
        warehouse: The warehouse that holds them.
        personal: Field → kind of personal data; the values of these fields are masked; None: nothing is masked.
    """

    def __init__(self, warehouse: Warehouse, personal: Mapping[str, str] | None) -> None:
        self._warehouse, self._personal = warehouse, personal

    def summarise(self, found: Sequence[EntityResult], not_evaluated: Mapping[str, str]) -> Ledger:
        """Return the whole account."""
        tallies = {each.entity: each.tally for each in found}
        caused = [entity for entity, tally in tallies.items() if tally.has_causes]
        causes = [cause for entity in caused for cause in self._causes("causes_of_records", tallies, entity=entity)]
        if any(tally.outcomes["landed_altered"] for tally in tallies.values()):
            causes += self._causes("causes_of_values", tallies)
        return Ledger(
            entities=tuple(map(_entity, found)),
            not_evaluated=dict(not_evaluated),
            causes=tuple(sorted(causes, key=_rank)),
            duplicate_keys=tuple(self._duplicate_keys({each.natural_key for each in found})),
            levels=self._levels(),
        )

    def _levels(self) -> tuple[LevelTiers, ...]:
        if "ledger.tiers" in {**self._warehouse.missing, **self._warehouse.unreadable}:
            return ()
        renamed = (
            {"by" if name == "led_by" else name: value for name, value in row.items()} for row in self._rows("levels")
        )
        return tuple(LevelTiers(**row) for row in renamed)

    def _causes(self, statement: str, tallies: Mapping[str, OutcomeCounts], **values: str) -> Iterator[Cause]:
        rows = self._rows(statement, examples=EXAMPLES, **values)
        for (entity, name, of_field, detail, is_row), group in groupby(rows, key=_group):
            examples = list(group)
            kind, number = KINDS[name], examples[0]["n"]
            whole = tallies[entity].rows if is_row else tallies[entity].records
            yield Cause(
                name=name,
                title=kind.title.format(detail=self._text(detail)),
                entity=entity,
                field=of_field,
                count=number,
                share=round(100 * number / whole, 1) if whole else 0.0,
                is_explained=kind.is_explained,
                is_harmless=kind.is_harmless,
                action=kind.action.format(detail=self._text(detail)),
                examples=tuple(self._example(of_field, example) for example in examples),
            )

    def _example(self, of_field: str | None, row: Mapping[str, Any]) -> Example:
        return Example(
            row["source_row"],
            row["wa_id"],
            row["target_id"],
            self._value(of_field, row["source"]),
            self._value(of_field, row["target"]),
            self._text(row["remark"] or ""),
        )

    def _duplicate_keys(self, natural_keys: Iterable[str]) -> Iterator[DuplicateKey]:
        for row in self._rows("duplicate_keys", most=MOST_DUPLICATE_KEYS):
            yield DuplicateKey(
                **{**row, "key": self._key(row["key"]) if row["matched_by"] in natural_keys else row["key"]}
            )

    def _key(self, key: str) -> str:
        """Mask a natural key; since any part of it may be personal, it is masked like a name or an e-mail address."""
        return (
            key.replace("\x1f", ", ")
            if self._personal is None
            else mask_value(key, "name" if "@" not in key else "email")
        )

    def _value(self, of_field: str | None, text: str | None) -> str | None:
        if text is None or self._personal is None:
            return text
        return mask_value(text, self._personal.get(of_field or ""))

    def _text(self, text: str) -> str:
        return text if self._personal is None else mask_text(text)

    def _rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return self._warehouse.rows(STATEMENTS[statement].format(entity=values.get("entity", "")), values)


def _group(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["entity"], row["cause"], row["field"], row["detail"], row["is_row"]


def _rank(cause: Cause) -> tuple[Any, ...]:
    """Return the sort key: unexplained causes first, then harmful ones, then harmless ones, each by count."""
    return cause.is_explained, cause.is_harmless, -cause.count, cause.entity, cause.field or "", cause.title


def _entity(found: EntityResult) -> EntityAccount:
    names, tally = {NATURAL_KEY: found.natural_key}, found.tally
    return EntityAccount(
        entity=found.entity,
        records=tally.records,
        rows=tally.rows,
        outcomes=tally.outcomes,
        rows_by_outcome=tally.rows_by_outcome,
        matched_by={names.get(name, name): n for name, n in tally.matched_by.items()},
        unexplained_records=tally.unexplained_records,
        unexplained_rows=tally.unexplained_rows,
        origin=found.origin,
        not_compared=found.not_compared,
        normalised=found.normalised,
        time_stamps=found.time_stamps,
    )
