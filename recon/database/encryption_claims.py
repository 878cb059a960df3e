"""What each parameter of a URL asks of encryption, in whatever spelling, or why it is refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recon.database.encryption_spelling import MODES, UNVERIFIED, Level, Spelling, fold
from recon.errors import DatabaseError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

YES, NO = frozenset(("", "true", "1", "on", "yes", "t", "y")), frozenset(("false", "0", "off", "no", "f", "n"))


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


class ClaimReader:
    """Reads the parameters of one URL; `values` are those that the driver is given."""

    def __init__(self, spelling: Spelling, where: str) -> None:
        self._spelling, self._where = spelling, where
        self.values: dict[str, str] = {}

    def claims(self, folded: str, name: str, value: str) -> Iterable[Claim]:
        """Return what a parameter asks for, by its folded name.

        Raises:
            DatabaseError: It is not known, or its value is none that can be honoured.
        """
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
        """Return the error for a parameter that cannot be honoured."""
        return DatabaseError(
            "The URL asks for encryption in a way that cannot be honoured",
            where=f"{self._where}, parameter {name}",
            found=found,
            next_step=next_step or self._usual,
        )

    def mode(self, name: str, value: str) -> list[Claim]:
        """Read `sslmode` and MySQL's `ssl-mode`."""
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


def _flag(yes: Claim, no: Claim) -> Callable[[ClaimReader, str, str], list[Claim]]:
    """Return the reader of a parameter that is true or false."""

    def read(reading: ClaimReader, name: str, value: str) -> list[Claim]:
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
READERS: Mapping[str, Callable[[ClaimReader, str, str], list[Claim]]] = {
    "sslmode": ClaimReader.mode,
    "ssl": ClaimReader.switch,
    "tls": ClaimReader.switch,
    "sslaccept": ClaimReader.accept,
    "sslfactory": ClaimReader.factory,
    "enabledtlsprotocols": ClaimReader.protocols,
    "enabledsslprotocolsuites": ClaimReader.protocols,
    "tlsversion": ClaimReader.protocols,
    "tlsversions": ClaimReader.protocols,
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
