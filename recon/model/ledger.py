"""The result of the ledger as frozen objects: what became of every record and every row, and why values differ."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

SOURCE_OUTCOMES = ("landed", "landed_altered", "merged", "skipped", "rejected", "missing_in_target")
TARGET_OUTCOMES = ("claimed", "preexisting", "foreign_run", "unexpected")
# The fields that say whom or what a record is about: where they differ, its row was paired with it by chance.
IDENTITY = {"members": ("email",), "events": ("title", "start_time"), "registrations": ("member_id", "event_id")}
# Less than this share of the one is next to nothing of the other.
LITTLE_PERCENT = 5
FEWEST_RECORDS, FEWEST_ROWS = 10, 20


class EntityAccount(Struct, frozen=True):
    """What became of one entity's records and rows.

    Attributes:
        outcomes: Number of source records by outcome, with every one of `SOURCE_OUTCOMES`; the sum is `records`.
        rows_by_outcome: Number of target rows by outcome, with every one of `TARGET_OUTCOMES`; the sum is `rows`.
        matched_by: Number of records that have a row, by what paired the two: "target id", "id mapping",
            "database's id mapping" or "natural key (email)".
        unexplained_records: Records without a row or altered, and not explained by any named cause.
        unexplained_rows: Rows that no record claims and whose origin is unknown.
        origin: What the records were read from: the report, or the file name of the export.
        not_compared: Field that could not be compared → reason; without those left out on purpose.
        normalised: Field and normaliser ("phone: empty_as_null") → number of records that are equal only because of it.
        time_stamps: What a reader has to know about when rows were written; empty: all lies within the run.
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
    time_stamps: str = ""


class Overlap(Struct, frozen=True):
    """How much of the bundle is in the database, over all entities that were evaluated.

    Attributes:
        shared: Number of records that have a row with the same identity, by whatever key the two were paired.
        records: Number of records that should have a row: all but the rejected ones.
        rows: Number of rows.
        newer: Number of rows that no record claims and that are not older than the run.
    """

    shared: int
    records: int
    rows: int
    newer: int

    @property
    def is_next_to_nothing(self) -> bool:
        """Whether bundle and database do not belong together.

        That next to nothing is shared is not enough: a rollback, or an import that was never committed, leaves the rows
        that were there before. Either most rows are newer than the run, or both sides are of comparable size.
        """
        if self.records < FEWEST_RECORDS or not _is_little(self.shared, min(self.records, self.rows)):
            return False
        are_newer = self.newer >= FEWEST_ROWS and 2 * self.newer > self.rows
        are_many = min(self.records, self.rows) >= FEWEST_ROWS
        are_comparable = not _is_little(min(self.records, self.rows), max(self.records, self.rows))
        return are_newer or (are_many and are_comparable)


def _is_little(part: int, whole: int) -> bool:
    return 100 * part < LITTLE_PERCENT * whole


class Example(Struct, frozen=True):
    """One record or row that exemplifies a cause; values are masked like everything else, null where there is none.

    Attributes:
        source_row: Row of the export (2 is the first data row); None where the record has none, or there is no record.
        source, target: The two values as text; None: null, or the cause is not about a value.
        remark: Additional information, e.g. the importer's error; empty: none.
    """

    source_row: int | None
    wa_id: str | None
    target_id: str | None
    source: str | None = None
    target: str | None = None
    remark: str = ""


class Cause(Struct, frozen=True):
    """Differences of one kind in one place.

    Attributes:
        name: The id of the kind, e.g. "truncated".
        title: A description with what the differences have in common: "truncated at 20 characters".
        entity: "members", "events" or "registrations".
        field: The column whose values differ; None where whole records or rows differ.
        count: Number of records (or rows) affected.
        share: Percentage of the entity's records (or rows), one decimal.
        is_explained: Whether the kind is a known one; False: the cause is still unknown.
        is_harmless: Whether a correct migration shows it as well.
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
    """A duplicate key: it does not identify a row, so it pairs nothing and the counts of both sides are listed.

    Attributes:
        key: The key, masked where it is personal data.
        matched_by: The kind of key, as in `EntityAccount.matched_by`.
    """

    entity: str
    key: str
    matched_by: str
    source_count: int
    target_count: int


class LevelTiers(Struct, frozen=True):
    """One membership level and the tiers that its landed members have.

    Attributes:
        level: The name of the level in Wild Apricot; None: the record has none.
        expected: The tier code that the level maps to; None: no tier.
        by: What determined `expected`: "mapping", "default" or "nothing".
        is_seeded: Whether the database has a tier with the expected code; None where no tier is expected.
        matching, without, other: Number of members with the expected tier, without a tier, and with another tier.
    """

    level: str | None
    expected: str | None
    by: str
    is_seeded: bool | None
    members: int
    matching: int
    without: int
    other: int


class Association(Struct, frozen=True):
    """What unexplained records or rows of one group have in common, and others rarely: an association, not a cause.

    Attributes:
        entity: "members", "events" or "registrations".
        group: "missing" or "altered" records, or "unexpected" rows.
        field: The column whose value they share; "member.level" is that of the member whom a registration names.
        value: The value as text, of a time its month; of source rows and times of creation the range "2 to 48". None:
            there is no value.
        count: Number of the group that have the value.
        of: Number of records or rows in the group.
        share_of_others: Percentage of the records or rows that arrived soundly which have the value, one decimal.
        p_value: How likely so many would have it by chance, times the number of values that were tested: at most 0.05,
            of three digits.
        sentence: The same in words.
    """

    entity: str
    group: str
    field: str
    value: str | None
    count: int
    of: int
    share_of_others: float
    p_value: float
    sentence: str


class KeyHint(Struct, frozen=True):
    """A normaliser that is not applied, by which missing records would pair with unexpected rows.

    Attributes:
        key: "natural key (email)", "target id" or "Wild Apricot id".
        normaliser: Its name: "casefold".
        count: Number of records that would pair, each with one row.
        of: Number of unexplained missing records.
        line: The line of the profile that applies it: '[tables.members.columns] email = { … }'; None: there is none.
        sentence: The same in words.
    """

    entity: str
    key: str
    normaliser: str
    count: int
    of: int
    line: str | None
    sentence: str


class Ledger(Struct, frozen=True):
    """Every source record and every target row accounted for.

    Attributes:
        entities: In the order members, events, registrations, without those that were not evaluated.
        not_evaluated: Entity → why it has no account.
        causes: Unexplained ones first, then by count, harmless ones last.
        duplicate_keys: At most 100 groups.
        levels: Membership levels, those with members in a wrong tier or in none first; empty: no mapping is declared.
        associations: What the unexplained have in common, the least likely of each group first.
        key_hints: Normalisers by which missing records would pair with unexpected rows.
    """

    entities: tuple[EntityAccount, ...]
    not_evaluated: Mapping[str, str]
    causes: tuple[Cause, ...]
    duplicate_keys: tuple[DuplicateKey, ...] = ()
    levels: tuple[LevelTiers, ...] = ()
    associations: tuple[Association, ...] = ()
    key_hints: tuple[KeyHint, ...] = ()

    @property
    def records(self) -> int:
        """Number of source records of all entities that were evaluated."""
        return sum(account.records for account in self.entities)

    @property
    def overlap(self) -> Overlap:
        """How much of the bundle is in the database."""
        return Overlap(
            shared=sum(map(self._shared, self.entities)),
            records=sum(account.records - account.outcomes["rejected"] for account in self.entities),
            rows=sum(account.rows for account in self.entities),
            newer=sum(a.rows_by_outcome[o] for a in self.entities for o in ("foreign_run", "unexpected")),
        )

    def _shared(self, account: EntityAccount) -> int:
        """Number of records of an entity whose row has their identity, as far as the causes of differences say."""
        differing = dict.fromkeys(IDENTITY[account.entity], 0)
        for cause in self.causes:
            if cause.entity == account.entity and cause.field in differing:
                differing[cause.field] += cause.count
        return max(sum(account.matched_by.values()) - max(differing.values()), 0)

    @property
    def unexplained_records(self) -> int:
        """Number of records that no named cause explains."""
        return sum(account.unexplained_records for account in self.entities)

    @property
    def unexplained_rows(self) -> int:
        """Number of target rows that no named cause explains."""
        return sum(account.unexplained_rows for account in self.entities)

    @property
    def unexplained(self) -> int:
        """Number of unexplained records and rows together; the goal is zero."""
        return self.unexplained_records + self.unexplained_rows

    @property
    def accounted(self) -> int:
        """Number of records that are explained."""
        return self.records - self.unexplained_records
