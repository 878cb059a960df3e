"""The words for encryption of each kind of server, and which parameters of a URL concern it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONCERNS = re.compile(
    r"ssl|tls|cert|crypt|secur|cipher|trust|keystore|pkcs|x509|gss|krb|publickey|rejectunauthorized|channelbinding|^ca$"
)


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
    # They distinguish the authority's certificate from a client's, which is then refused.
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
