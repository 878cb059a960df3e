"""All that a URL demands of the encryption, from what each of its parameters asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.database.encryption_claims import ClaimReader
from recon.database.encryption_spelling import Level, Spelling, concerns_encryption, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.database.encryption_claims import Claim


@dataclass(frozen=True)
class Demand:
    """All that a URL demands of the encryption.

    Attributes:
        level: The level asked for; None: the URL does not say.
        is_plain_first: Whether plain text is tried before encryption (libpq's "allow").
        names_mode: Whether the driver's own parameter for the mode is in the URL.
        values: The folded name of each further parameter → its value; "sslrootcert" is the authority's certificate.
    """

    level: Level | None
    is_plain_first: bool
    names_mode: bool
    values: Mapping[str, str]


def demand_of(query: Sequence[tuple[str, str]], spelling: Spelling, where: str) -> Demand:
    """Read the demand from the parameters of a URL, as they are spelled, with their values.

    Raises:
        DatabaseError: A parameter cannot be honoured, or two contradict each other; it names them, and no value.
    """
    reading = ClaimReader(spelling, where)
    given = {fold(name): (name, value) for name, value in query if concerns_encryption(name)}
    for name, value in query:
        kept = given.get(fold(name))
        if kept and kept[1] != value:
            raise reading.refusal(name, "it is there twice, with different values", "Leave one of them away")
    claims = [claim for folded, (name, value) in given.items() for claim in reading.claims(folded, name, value)]
    claims += reading.certificates({folded: name for folded, (name, _) in given.items()})
    mode = given.get("sslmode", ("", ""))[1]
    return Demand(_resolved(claims, reading), fold(mode) == "allow", bool(mode), reading.values)


def _resolved(claims: Sequence[Claim], reading: ClaimReader) -> Level | None:
    if not claims:
        return None
    lowest, highest = max(claims, key=lambda claim: claim.least), min(claims, key=lambda claim: claim.most)
    if lowest.least > highest.most:
        raise reading.refusal(
            f"{highest.name} and {lowest.name}", "they contradict each other", "Leave one of them away"
        )
    wish = Level.PLAIN if any(claim.decides for claim in claims) else max(claim.wish for claim in claims)
    raised = max(claim.raised for claim in claims)
    level = min(max(lowest.least, raised, wish), highest.most)
    # A parameter that only sets a limit ("do not verify") does not ask for plain text.
    return None if level is Level.PLAIN and highest.most > Level.PLAIN else level
