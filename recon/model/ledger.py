"""The ledger's result as frozen objects: what became of every record and every row, and why values differ."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

SOURCE_OUTCOMES = ("landed", "landed_altered", "merged", "skipped", "rejected", "missing_in_target")
TARGET_OUTCOMES = ("claimed", "preexisting", "foreign_run", "unexpected")


class EntityAccount(Struct, frozen=True):
    """What became of one entity's records and rows.

    Attributes:
        outcomes: Source records by outcome, every one of `SOURCE_OUTCOMES`; they add up to `records`.
        rows_by_outcome: Target rows by outcome, every one of `TARGET_OUTCOMES`; they add up to `rows`.
        matched_by: Records with a row by what paired the two: "target id", "id mapping", "database's id mapping" or
            "natural key (email)".
        unexplained_records: Records that no named cause explains: without a row, or altered.
        unexplained_rows: Rows that no record claims and that are of no known origin.
        origin: What the records were read from: the report, or the exports' file name.
        not_compared: Fields that could not be compared → why.
        normalised: Field and normaliser ("phone: empty_as_null") → records that are equal only thanks to it.
    """

    entity: str
    records: int
    rows: int
    outcomes: Mapping[str, int]
    rows_by_outcome: Mapping[str, int]
    matched_by: Mapping[str, int]
    unexplained_records: int
    unexplained_rows: int
    origin: str
    not_compared: Mapping[str, str] = field(default_factory=dict)
    normalised: Mapping[str, int] = field(default_factory=dict)


class Example(Struct, frozen=True):
    """One record or row that shows a cause; values are masked as everything else is, null where there is none.

    Attributes:
        source_row: Row of the export (2 is the first data row); None where the record does not say, or there is none.
        source, target: Both values, as text; None: null, or the cause is not about a value.
        remark: What else there is to say, e.g. the importer's error; empty: nothing.
    """

    source_row: int | None
    wa_id: str | None
    target_id: str | None
    source: str | None = None
    target: str | None = None
    remark: str = ""


class Cause(Struct, frozen=True):
    """Differences of one kind, at one place.

    Attributes:
        name: The kind's id, e.g. "truncated".
        title: In words, with what they have in common: "truncated at 20 characters".
        entity: "members", "events" or "registrations".
        field: The column whose values differ; None where whole records or rows do.
        count: How many records (or rows) show it.
        share: Percentage of the entity's records (or rows), one decimal.
        is_explained: Whether the kind has a name; False: nobody knows yet.
        is_harmless: Whether it is what a sound migration shows as well.
        action: What to do.
        examples: At most three.
    """

    name: str
    title: str
    entity: str
    field: str | None
    count: int
    share: float
    is_explained: bool
    is_harmless: bool
    action: str
    examples: tuple[Example, ...] = ()


class DuplicateKey(Struct, frozen=True):
    """A key that does not tell rows apart: it pairs nothing, both sides are listed.

    Attributes:
        key: The key, masked where it is personal.
        matched_by: What kind of key it is, as in `EntityAccount.matched_by`.
    """

    entity: str
    key: str
    matched_by: str
    source_count: int
    target_count: int


class LevelTiers(Struct, frozen=True):
    """One membership level and the tiers that its landed members have.

    Attributes:
        level: As Wild Apricot names it; None: the record has none.
        expected: The tier code that the mapping leads to; None: to none.
        by: What led there: "mapping", "default" or "nothing".
        is_seeded: Whether the database has a tier of the expected code; None where none is expected.
        matching, without, other: Members with that tier, without any, with another.
    """

    level: str | None
    expected: str | None
    by: str
    is_seeded: bool | None
    members: int
    matching: int
    without: int
    other: int


class Ledger(Struct, frozen=True):
    """Every source record and every target row accounted for.

    Attributes:
        entities: In the order members, events, registrations; those that were not evaluated are not among them.
        not_evaluated: Entity → why there is no account of it.
        causes: Unexplained ones first, then by count, harmless ones last.
        duplicate_keys: At most 100 groups.
        levels: Membership levels, those with members in a wrong tier or none first; empty: no mapping is declared.
    """

    entities: tuple[EntityAccount, ...]
    not_evaluated: Mapping[str, str]
    causes: tuple[Cause, ...]
    duplicate_keys: tuple[DuplicateKey, ...] = ()
    levels: tuple[LevelTiers, ...] = ()

    @property
    def records(self) -> int:
        """Source records of all entities that were evaluated."""
        return sum(account.records for account in self.entities)

    @property
    def unexplained_records(self) -> int:
        """Records that no named cause explains."""
        return sum(account.unexplained_records for account in self.entities)

    @property
    def unexplained_rows(self) -> int:
        """Target rows that no named cause explains."""
        return sum(account.unexplained_rows for account in self.entities)

    @property
    def unexplained(self) -> int:
        """What is to be brought to zero."""
        return self.unexplained_records + self.unexplained_rows

    @property
    def accounted(self) -> int:
        """Records that are explained."""
        return self.records - self.unexplained_records
