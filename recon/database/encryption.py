"""The parameters of a URL that concern encryption, in every spelling that applications have, as one demand.

An application's URL asks for encryption in the words of its own driver: libpq's, Prisma's, node-postgres', JDBC's,
Go's, SQLAlchemy's or MySQL's. None of these parameters is dropped: it takes part in the demand, or it is refused by its
name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import DatabaseError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CONCERNS = re.compile(
    r"ssl|tls|cert|crypt|secur|cipher|trust|keystore|pkcs|x509|gss|krb|publickey|rejectunauthorized|channelbinding|^ca$"
)
YES, NO = frozenset(("", "true", "1", "on", "yes", "t", "y")), frozenset(("false", "0", "off", "no", "f", "n"))

DEFAULT_AUTHORITY = Path("~/.postgresql/root.crt")
LIBPQ_NAMES = {
    "sslminprotocolversion": "ssl_min_protocol_version",
    "sslmaxprotocolversion": "ssl_max_protocol_version",
    "channelbinding": "channel_binding",
}


class Level(IntEnum):
    """How far a connection is protected; each level has what the ones below it have."""

    PLAIN = 0
    OFFERED = 1
    ENCRYPTED = 2
    VERIFIED_AUTHORITY = 3
    VERIFIED_HOST = 4


MODES = {
    "disable": Level.PLAIN,
    "disabled": Level.PLAIN,
    "allow": Level.OFFERED,
    "prefer": Level.OFFERED,
    "preferred": Level.OFFERED,
    "require": Level.ENCRYPTED,
    "required": Level.ENCRYPTED,
    "trust": Level.ENCRYPTED,
    "noverify": Level.ENCRYPTED,
    "skipverify": Level.ENCRYPTED,
    "verifyca": Level.VERIFIED_AUTHORITY,
    "verifyfull": Level.VERIFIED_HOST,
    "verifyidentity": Level.VERIFIED_HOST,
}
UNVERIFIED = frozenset(("trust", "noverify", "skipverify"))


@dataclass(frozen=True)
class Claim:
    """What one parameter asks for.

    Attributes:
        name: The parameter as the URL spells it.
        least, most: The levels that satisfy it.
        raised: The level that it asks for unless another parameter forbids it.
        wish: The level where no parameter says how far the certificate is verified.
        decides: Whether it says how far the certificate is verified.
    """

    name: str
    least: Level = Level.PLAIN
    most: Level = Level.VERIFIED_HOST
    raised: Level = Level.PLAIN
    wish: Level = Level.PLAIN
    decides: bool = False


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


@dataclass(frozen=True)
class Spelling:
    """The words of one kind of server.

    Attributes:
        modes: Level → the value of its parameter for the mode.
        mode: The name of that parameter.
        authority: The name of its parameter for the authority's certificate.
        passed: Further parameters that its drivers know, folded.
        asking: Those of them that make sense only on an encrypted connection.
        instead: A parameter that is refused → what to write in its place.
    """

    modes: Mapping[Level, str]
    mode: str
    authority: str
    passed: frozenset[str]
    asking: frozenset[str]
    instead: Mapping[str, str]


POSTGRESQL = Spelling(
    {
        Level.PLAIN: "disable",
        Level.OFFERED: "prefer",
        Level.ENCRYPTED: "require",
        Level.VERIFIED_AUTHORITY: "verify-ca",
        Level.VERIFIED_HOST: "verify-full",
    },
    "sslmode",
    "sslrootcert",
    frozenset(
        (
            "sslcert",
            "sslkey",
            "sslpassword",
            "sslcrl",
            "sslcrldir",
            "sslcompression",
            "sslsni",
            "sslcertmode",
            "sslnegotiation",
            "sslminprotocolversion",
            "sslmaxprotocolversion",
            "channelbinding",
            "gssencmode",
            "gsslib",
            "gssdelegation",
            "krbsrvname",
        )
    ),
    frozenset(
        ("sslcert", "sslkey", "sslcrl", "sslcrldir", "sslminprotocolversion", "sslmaxprotocolversion", "sslpassword")
    ),
    {
        "sslidentity": "Write sslcert=FILE and sslkey=FILE with the parts of the PKCS #12 file in its place",
        "sslrootcertpath": "Write sslrootcert=FILE in its place",
        "trustcertificatekeystoreurl": "Write sslrootcert=FILE with the authority's certificate as PEM in its place",
    },
)
KEYSTORE = "Write ssl-ca=FILE with the authority's certificate as PEM in its place"
NO_CLIENT_CERTIFICATE = "Leave it away and read as a user who needs none, or through a tunnel"
MYSQL = Spelling(
    {
        Level.PLAIN: "DISABLED",
        Level.OFFERED: "PREFERRED",
        Level.ENCRYPTED: "REQUIRED",
        Level.VERIFIED_AUTHORITY: "VERIFY_CA",
        Level.VERIFIED_HOST: "VERIFY_IDENTITY",
    },
    "ssl-mode",
    "ssl-ca",
    # They tell the authority's certificate from a client's, which is then refused.
    frozenset(("sslcert", "sslkey")),
    frozenset(("sslcert", "sslkey")),
    {
        "sslcert": NO_CLIENT_CERTIFICATE,
        "sslidentity": NO_CLIENT_CERTIFICATE,
        "sslcapath": "Write ssl-ca=FILE in its place",
        "trustcertificatekeystoreurl": KEYSTORE,
        "trustcertificatekeystoretype": KEYSTORE,
        "trustcertificatekeystorepassword": KEYSTORE,
        "truststore": KEYSTORE,
    },
)


def fold(name: str) -> str:
    """Return the name without what spellings differ in: capitals, hyphens and underscores."""
    return re.sub(r"[-_]", "", name).lower()


def concerns_encryption(name: str) -> bool:
    """Return whether a parameter of this name says anything about encryption, whether it is known or not."""
    return bool(CONCERNS.search(fold(name)))


def demand_of(query: Sequence[tuple[str, str]], spelling: Spelling, where: str) -> Demand:
    """Read the demand from the parameters of a URL, as they are spelled, with their values.

    Raises:
        DatabaseError: A parameter cannot be honoured, or two contradict each other; it names them, and no value.
    """
    reading = _Reading(spelling, where)
    given = {fold(name): (name, value) for name, value in query if concerns_encryption(name)}
    for name, value in query:
        kept = given.get(fold(name))
        if kept and kept[1] != value:
            raise reading.refusal(name, "it is there twice, with different values", "Leave one of them away")
    claims = [claim for folded, (name, value) in given.items() for claim in reading.claims(folded, name, value)]
    claims += reading.certificates({folded: name for folded, (name, _) in given.items()})
    mode = given.get("sslmode", ("", ""))[1]
    return Demand(_resolved(claims, reading), fold(mode) == "allow", bool(mode), reading.values)


def _resolved(claims: Sequence[Claim], reading: _Reading) -> Level | None:
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


class _Reading:
    """Reads the parameters of one URL; `values` are those that the driver is given."""

    def __init__(self, spelling: Spelling, where: str) -> None:
        self._spelling, self._where = spelling, where
        self.values: dict[str, str] = {}

    def claims(self, folded: str, name: str, value: str) -> Iterable[Claim]:
        read = READERS.get(folded)
        if read is not None:
            return read(self, name, value)
        if folded in AUTHORITIES:
            return self._authority(name, value)
        if folded in self._spelling.passed:
            self.values[folded] = value
            return [Claim(name, Level.ENCRYPTED)] if folded in self._spelling.asking and value else []
        instead = self._spelling.instead.get(folded)
        if instead is None:
            near = suggest(folded, [*READERS, *self._spelling.passed, *AUTHORITIES])
            instead = f"{self._usual}. {near}" if near else self._usual
        raise self.refusal(name, "this parameter concerns encryption and is not known here", instead)

    @property
    def _usual(self) -> str:
        modes = self._spelling.modes
        return (
            f"Write {self._spelling.mode}={modes[Level.ENCRYPTED]} (encrypted) or "
            f"{self._spelling.mode}={modes[Level.VERIFIED_HOST]} (with a verified certificate) in its place"
        )

    def refusal(self, name: str, found: str, next_step: str = "") -> DatabaseError:
        return DatabaseError(
            "The URL asks for encryption in a way that cannot be honoured",
            where=f"{self._where}, parameter {name}",
            found=found,
            next_step=next_step or self._usual,
        )

    def mode(self, name: str, value: str) -> list[Claim]:
        word = fold(value)
        if not word:
            return []
        if word not in MODES:
            known = ", ".join(self._spelling.modes.values())
            shown = repr(value) if re.fullmatch(r"[\w-]{1,20}", value) else "another value"
            near = suggest(value.lower(), [each.lower() for each in self._spelling.modes.values()])
            step = f"Write {name} with one of these values" + (f". {near}" if near else "")
            raise self.refusal(name, f"{shown}: {name} is none of {known}", step)
        return [_at_level(name, word)]

    def switch(self, name: str, value: str) -> list[Claim]:
        """Read `ssl` and `tls`: yes, no, a mode, or node-postgres' object."""
        word = fold(value)
        if word in YES:
            return [Claim(name, Level.ENCRYPTED, wish=Level.VERIFIED_HOST)]
        if word in NO:
            return [Claim(name, most=Level.PLAIN, decides=True)]
        if word in MODES:
            return [_at_level(name, word)]
        return self._object(name, value)

    def _object(self, name: str, value: str) -> list[Claim]:
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.refusal(name, "neither true nor false, nor a mode")
        for key, inner in found.items():
            if key != "rejectUnauthorized" or not isinstance(inner, bool):
                raise self.refusal(f"{name}, {key[:40]}", "this part of it is not known here", self._instead_of(key))
        if found.get("rejectUnauthorized", True):
            return [Claim(name, Level.VERIFIED_HOST, decides=True)]
        return [Claim(name, Level.ENCRYPTED, Level.ENCRYPTED, decides=True)]

    def _instead_of(self, key: str) -> str:
        return f"Write {self._spelling.authority}=FILE in its place" if key == "ca" else ""

    def accept(self, name: str, value: str) -> list[Claim]:
        """Read Prisma's `sslaccept`."""
        word = fold(value)
        if word == "strict":
            return [Claim(name, Level.VERIFIED_HOST, decides=True)]
        if word == "acceptinvalidcerts":
            return [Claim(name, Level.ENCRYPTED, Level.ENCRYPTED, decides=True)]
        raise self.refusal(name, "neither strict nor accept_invalid_certs", "Write sslaccept=strict")

    def factory(self, name: str, value: str) -> list[Claim]:
        """Read JDBC's `sslfactory`, of which only those that name no class of the application can be honoured."""
        known = value.rpartition(".")[2].lower()
        if known == "nonvalidatingfactory":
            return [Claim(name, Level.ENCRYPTED, Level.ENCRYPTED, decides=True)]
        if known in ("libpqfactory", "defaultjavasslfactory", "jdbcsslfactory"):
            return [Claim(name, Level.ENCRYPTED, wish=Level.VERIFIED_HOST)]
        raise self.refusal(name, "a class of the application")

    def protocols(self, name: str, value: str) -> list[Claim]:
        """Read a list of versions of TLS, where the drivers use 1.2 and 1.3."""
        if {"tlsv1.2", "tlsv1.3"} <= {each.strip().lower() for each in value.split(",")}:
            return [Claim(name, Level.ENCRYPTED)]
        raise self.refusal(
            name, "the drivers use TLSv1.2 and TLSv1.3", f"Write {name}=TLSv1.2,TLSv1.3, or leave it away"
        )

    def _authority(self, name: str, value: str) -> list[Claim]:
        kept = self.values.setdefault("sslrootcert", value)
        if kept != value:
            raise self.refusal(name, "another parameter names another certificate", "Leave one of them away")
        return []

    def certificates(self, names: Mapping[str, str]) -> list[Claim]:
        """Tell the authority's certificate (Prisma's) from the client's (libpq's), and what the authority demands."""
        if "sslcert" in self.values and "sslkey" not in self.values and "sslrootcert" not in self.values:
            self.values["sslrootcert"] = self.values.pop("sslcert")
        for lonely in ("sslcert", "sslkey", "sslpassword"):
            if lonely in self.values and not {"sslcert", "sslkey"} <= self.values.keys():
                raise self.refusal(
                    names[lonely],
                    "a client certificate needs both",
                    "Write sslcert=FILE and sslkey=FILE, and the authority's certificate as "
                    f"{self._spelling.authority}=FILE",
                )
        if "sslcert" in self.values and "sslcert" in self._spelling.instead:
            raise self.refusal(
                names["sslcert"], "a client certificate cannot be presented", self._spelling.instead["sslcert"]
            )
        authority = self.values.get("sslrootcert")
        if not authority:
            self.values.pop("sslrootcert", None)
            return []
        named = next(names[each] for each in (*AUTHORITIES, "sslcert") if each in names)
        if authority == "system":
            return [Claim(named, Level.VERIFIED_HOST)]
        # Beside "do not verify" it is there for nothing, as in the driver that the URL was written for.
        return [Claim(named, Level.ENCRYPTED, raised=Level.VERIFIED_AUTHORITY)]


def _at_level(name: str, word: str) -> Claim:
    level = MODES[word]
    most = level if level is Level.PLAIN or word in UNVERIFIED else Level.VERIFIED_HOST
    return Claim(name, level, most, decides=True)


def _flag(yes: Claim, no: Claim) -> Callable[[_Reading, str, str], list[Claim]]:
    """Return the reader of a parameter that is true or false."""

    def read(reading: _Reading, name: str, value: str) -> list[Claim]:
        word = value.lower()
        if word not in YES | NO:
            raise reading.refusal(name, "neither true nor false", f"Write {name}=true or {name}=false")
        chosen = yes if word in YES else no
        return [replace(chosen, name=name)]

    return read


NOTHING = Claim("")
ENCRYPTED, PLAIN = Claim("", Level.ENCRYPTED), Claim("", most=Level.PLAIN, decides=True)
AUTHORITY = Claim("", Level.VERIFIED_AUTHORITY, decides=True)
UNCHECKED = Claim("", most=Level.ENCRYPTED, decides=True)
HOST = Claim("", Level.VERIFIED_HOST, decides=True)
ANY_HOST = Claim("", most=Level.VERIFIED_AUTHORITY)
AUTHORITIES = ("sslrootcert", "sslca", "sslcafile", "tlscafile", "serversslcert", "cacert")
READERS: Mapping[str, Callable[[_Reading, str, str], list[Claim]]] = {
    "sslmode": _Reading.mode,
    "ssl": _Reading.switch,
    "tls": _Reading.switch,
    "sslaccept": _Reading.accept,
    "sslfactory": _Reading.factory,
    "enabledtlsprotocols": _Reading.protocols,
    "enabledsslprotocolsuites": _Reading.protocols,
    "tlsversion": _Reading.protocols,
    "tlsversions": _Reading.protocols,
    "usessl": _flag(ENCRYPTED, PLAIN),
    "usetls": _flag(ENCRYPTED, PLAIN),
    "requiressl": _flag(ENCRYPTED, NOTHING),
    "encrypt": _flag(ENCRYPTED, PLAIN),
    "ssldisabled": _flag(PLAIN, NOTHING),
    "verifyservercertificate": _flag(AUTHORITY, UNCHECKED),
    "trustservercertificate": _flag(UNCHECKED, AUTHORITY),
    "sslverifycert": _flag(AUTHORITY, UNCHECKED),
    "sslverifyidentity": _flag(HOST, ANY_HOST),
    "sslverifyservercert": _flag(HOST, UNCHECKED),
    "sslcheckhostname": _flag(HOST, ANY_HOST),
    "disablesslhostnameverification": _flag(ANY_HOST, NOTHING),
    # PyMySQL retrieves the key without being asked.
    "allowpublickeyretrieval": _flag(NOTHING, ENCRYPTED),
    "rejectunauthorized": _flag(HOST, Claim("", Level.ENCRYPTED, Level.ENCRYPTED, decides=True)),
}


def libpq_parameters(query: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL URL that concern encryption, in libpq's words.

    Raises:
        DatabaseError: As in `demand_of`.
    """
    demand = demand_of(query, POSTGRESQL, where)
    found = {LIBPQ_NAMES.get(folded, folded): value for folded, value in demand.values.items() if value}
    level = demand.level
    direct = found.get("sslnegotiation") == "direct" or found.get("channel_binding") == "require"
    if direct and (level is None or level < Level.ENCRYPTED):
        _refuse_plain(level, found, where)
        level = Level.ENCRYPTED
    if level is None:
        return found
    if level is Level.ENCRYPTED:
        # libpq would verify by it.
        found.pop("sslrootcert", None)
    if level is Level.VERIFIED_HOST and not demand.names_mode and not DEFAULT_AUTHORITY.expanduser().exists():
        # Drivers that do not know libpq's default file trust the authorities of the machine.
        found.setdefault("sslrootcert", "system")
    mode = "allow" if level is Level.OFFERED and demand.is_plain_first else POSTGRESQL.modes[level]
    return {"sslmode": mode, **found}


def _refuse_plain(level: Level | None, found: Mapping[str, str], where: str) -> None:
    if level is Level.PLAIN:
        name = "sslnegotiation" if found.get("sslnegotiation") == "direct" else "channel_binding"
        raise DatabaseError(
            "The URL asks for encryption in a way that cannot be honoured",
            where=f"{where}, parameter sslmode and {name}",
            found="they contradict each other",
            next_step="Leave one of them away",
        )


def mysql_parameters(query: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
    """Return the parameters of a MySQL URL that concern encryption: "ssl-mode", "ssl-ca".

    Raises:
        DatabaseError: As in `demand_of`.
    """
    demand = demand_of(query, MYSQL, where)
    if demand.level is None:
        return {}
    authority = demand.values.get("sslrootcert", "system")
    named = {} if authority == "system" or demand.level < Level.VERIFIED_AUTHORITY else {"ssl-ca": authority}
    return {"ssl-mode": MYSQL.modes[demand.level], **named}
