"""A value that most of a group of unexplained records or rows have, and how it is told."""

from __future__ import annotations

from msgspec import Struct

from recon.ledger.traits import Side, Trait

# In what order records and rows are looked at.
POSITIONS = {"s": "source_row", "t": "created_at"}
LABELS = {"tier_id": "tier", "mapped_tier": "mapped tier", "status_id": "status", "status_code": "status"}
LONGEST_VALUE = 100


class Group(Struct, frozen=True):
    """Unexplained records or rows of one entity, and the others that they are compared with.

    Attributes:
        name: "missing", "altered" or "unexpected".
        of: Number of records or rows in the group.
        others: Number of those that they are compared with.
    """

    side: Side
    name: str
    of: int
    others: int

    @property
    def half(self) -> int:
        """The fewest that a common value must have."""
        return (self.of + 1) // 2


class Common(Struct, frozen=True):
    """A value that at least half of a group have.

    Attributes:
        trait: What it is a value of; None: a range of positions.
        others: Number of the others that have it.
        whole: Number of the others.
        log_p: The logarithm of the probability that so many have it by chance.
    """

    group: Group
    trait: Trait | None
    value: str | None
    found: int
    others: int
    whole: int
    log_p: float

    @property
    def field(self) -> str:
        """The name of the trait, or of what positions are counted by."""
        return self.trait.name if self.trait else POSITIONS[self.group.side.alias]


def sentence_of(common: Common, value: str | None) -> str:
    """The association in words: 'all 47 have no tier; 13 % of the others do'."""
    are, do = _verbs(common)
    number = (
        f"all {common.group.of:,}" if common.found == common.group.of else f"{common.found:,} of {common.group.of:,}"
    )
    return f"{number} {are} {_what(common, value)}; {_share(common)} of the others {do}"


def _verbs(common: Common) -> tuple[str, str]:
    if common.trait is None:
        return ("are in", "are") if common.group.side.alias == "s" else ("were", "were")
    parent = common.trait.parent
    return (f"are of {_article(parent)} {parent} with", "are") if parent else ("have", "do")


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _what(common: Common, value: str | None) -> str:
    if common.trait is None:
        return f"source rows {value}" if common.group.side.alias == "s" else f"created from {value}"
    name = common.trait.name.rpartition(".")[2]
    label = LABELS.get(name, name)
    if value is None:
        return f"no {label}"
    shown = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    return f"{_article(label)} {label} in {shown}" if common.trait.is_time else f'{label} "{shown}"'


def _share(common: Common) -> str:
    share = round(100 * common.others / common.whole, 1)
    return "none" if not common.others else f"{share:g} %" if share else "under 0.1 %"
