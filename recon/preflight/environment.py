"""The part "environment": which database is named, and whether it is ready for an import and its verification."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recon.database import open_source, resolve_database
from recon.errors import DatabaseError, UsageError, suggest
from recon.model import Fact, Findings, Outcome, Probe
from recon.preflight.coverage import coverage_of
from recon.preflight.environment_names import PRODUCTION, named_environments, place_of
from recon.preflight.seeds import ask_seeds
from recon.profile import load_profile
from recon.rules import layers_of, load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recon.database import DatabaseUrl, Source
    from recon.database.surroundings import Surroundings, TableRights
    from recon.model import Check
    from recon.preflight.coverage import Coverage
    from recon.profile import Profile

PART = "environment"
CLOCK_WARN_S, CLOCK_FAIL_S = 5.0, 60.0
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
ENVIRONMENT = Probe(
    "environment_named",
    "Environment",
    PART,
    "Host and name of the database belong to exactly one environment of the profile.",
    "It is not clear which environment would be written to, so it is treated as production",
    "Compare host and name with the database that is meant, and name its pattern under [environments] in the profile",
)
REACHABLE = Probe(
    "database_reachable",
    "Database",
    PART,
    "The database answers, and one consistent read-only transaction can be opened.",
    "Neither an import nor its verification could start",
    "Do what the message says, and ask again",
)
ENCRYPTED = Probe(
    "connection_encrypted",
    "Connection",
    PART,
    "The connection to a server on another machine is encrypted.",
    "Names and addresses of members cross the network in plain text",
    "Add sslmode=verify-full to the URL, or ask the DBA how the server offers TLS",
)
RIGHTS = Probe(
    "verify_rights",
    "Rights to Verify",
    PART,
    "The role may read every table that the checks require.",
    "The verification after the import could not look everywhere",
    "Ask the DBA to grant SELECT on the tables that are named",
)
WRITES = Probe(
    "role_writes",
    "Role",
    PART,
    "The role that recon connects as cannot change rows.",
    "recon reads only, but whoever has this URL can change the club's data with it",
    "Use a role with SELECT alone for preflight and verification, and another for the importer",
)
TABLES = Probe(
    "tables_present",
    "Tables and Columns",
    PART,
    "The database has every table and column that the checks read.",
    "Some checks could not be evaluated after the import",
    "Run the application's schema migrations, or name its tables in a profile: recon profile check",
)
CONSTRAINTS = Probe(
    "constraints_validated",
    "Constraints",
    PART,
    "Every constraint of the tables was validated.",
    "Rows from before may break it, for example registrations of members that do not exist",
    "alter table … validate constraint …, and mend the rows that it names",
)
CLOCK = Probe(
    "clocks_agree",
    "Clock",
    PART,
    f"The clocks of server and this machine differ by less than {CLOCK_WARN_S:g} s.",
    "Ages of backups and dry runs, and what an import wrote, are judged by these clocks",
    "Set both by NTP",
)


@dataclass(frozen=True)
class EnvironmentOptions:
    """Which database an import is to write to.

    Attributes:
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        expected: The environment that is meant, e.g. "staging"; None: any.
        timeout_s: Seconds to wait for the database to open; None: 5 for its answer, 30 in all.
        environment: Environment variables by name.
    """

    database: str | None = field(default=None, repr=False)
    profile: Path | str | None = None
    expected: str | None = None
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def ask_environment(options: EnvironmentOptions) -> Iterator[Fact | Check]:
    """Yield what is found about the database and the role that is connected.

    Raises:
        ReconError: The database is not named, the profile cannot be read, or reading stopped midway.
    """
    profile = load_profile(options.profile)
    url = resolve_database(options.database, options.environment)
    yield named_check(url, profile, options.expected)
    try:
        source = open_source(url, options.timeout_s)
    except DatabaseError as error:
        yield REACHABLE.not_evaluated(error.message)
        return
    with closing(source):
        yield from _of_source(source, url, profile)


def named_check(url: DatabaseUrl, profile: Profile, expected: str | None = None) -> Check:
    """Judge which environment the database belongs to, by host and name alone.

    Raises:
        UsageError: `expected` is no environment of the profile.
    """
    meant = None if expected is None else _meant(expected, profile)
    found, place = named_environments(url, profile), place_of(url)
    target = found[0] if len(found) == 1 else PRODUCTION
    if meant is not None and meant != target:
        return ENVIRONMENT.failed(f"{target}, and {meant} was meant: {place}", Findings(expected=meant, actual=target))
    if len(found) == 1:
        return ENVIRONMENT.passed(f"{target}: {place}", Findings(actual=target))
    which = f"it matches {' and '.join(found)}" if found else "it matches no environment of the profile"
    return ENVIRONMENT.warned(f"treated as production: {place}; {which}", Findings(actual=target))


def _meant(expected: str, profile: Profile) -> str:
    """Return the environment of that name, or the only one whose name begins so: "prod" is production.

    Raises:
        UsageError: There is none, or several.
    """
    known = {**profile.environments, PRODUCTION: ()}
    meant = [name for name in known if name.startswith(expected)] if expected else []
    if expected in known or len(meant) == 1:
        return expected if expected in known else meant[0]
    raise UsageError(
        "The profile has no such environment",
        where="--expect",
        expected=", ".join(known),
        found=repr(expected)[:100],
        next_step=suggest(expected, known),
    )


def _of_source(source: Source, url: DatabaseUrl, profile: Profile) -> Iterator[Fact | Check]:
    yield REACHABLE.passed(source.label)
    before = datetime.now(UTC)
    surroundings = source.surroundings()
    waited_s = (datetime.now(UTC) - before).total_seconds()
    yield from _facts(surroundings)
    yield _encryption(source, url)
    coverage = coverage_of(source, profile, load_rules(layers_of(())))
    yield _tables(coverage)
    needed = {table.source_name for table in coverage.tables if not table.absence}
    yield from _rights(surroundings, needed)
    if surroundings.unvalidated is not None:
        yield _constraints(surroundings)
    if surroundings.clock is not None:
        yield clock_check((surroundings.clock - before).total_seconds(), waited_s)
    if coverage.refusal is None:
        yield from ask_seeds(source, profile)


def _facts(found: Surroundings) -> Iterator[Fact]:
    if found.user is not None:
        yield Fact("Role", f"{found.user}{', a superuser' if found.is_superuser else ''}")
    if found.size_bytes is not None:
        yield Fact("Size", f"{found.size_bytes / 1e6:,.1f} MB")
    if found.time_zone is not None:
        yield Fact("Time zone", f"{found.time_zone} on the server, {datetime.now().astimezone():%Z} here")


def _encryption(source: Source, url: DatabaseUrl) -> Check:
    state = getattr(source, "encryption", None)
    if state is None:
        return ENCRYPTED.passed("a file on this machine")
    if state.startswith("encrypted"):
        return ENCRYPTED.passed(state)
    hosts = [url.host, *(host for host, _ in url.others)]
    if all(host in LOCAL_HOSTS or host.startswith("/") for host in hosts):
        return ENCRYPTED.passed(f"{state}, on this machine")
    return ENCRYPTED.warned(f"{state}, to {url.label}")


def _tables(coverage: Coverage) -> Check:
    if coverage.refusal is not None:
        return TABLES.failed(coverage.refusal)
    kept_back = [{"check": rule.title, "outcome": str(rule.outcome)} for rule in coverage.rules if rule.outcome]
    absent = [t.name for t in coverage.tables if t.absence]
    absent += [f"{t.name}.{c.name}" for t in coverage.tables for c in t.columns if c.absence]
    if not kept_back:
        return TABLES.passed(f"every check can be evaluated ({len(coverage.rules)} checks)")
    names = f"not there: {', '.join(absent)}" if absent else "see recon profile check"
    sentence = f"{len(kept_back)} of {len(coverage.rules)} checks cannot pass here; {names}"
    errors = any(row["outcome"] == str(Outcome.ERROR) for row in kept_back)
    return (TABLES.failed if errors else TABLES.warned)(sentence, Findings(tuple(kept_back)))


def _rights(found: Surroundings, needed: set[str]) -> Iterator[Fact | Check]:
    """What a verification needs, what a rollback would, and whether this role can write at all."""
    if found.rights is None:
        yield RIGHTS.passed("a file that could be read")
        yield Fact("Rollback", f"the file {'can' if found.is_writable else 'cannot'} be written by this user")
        return
    concerned = [rights for rights in found.rights if rights.table in needed]
    refused = [rights.table for rights in concerned if not rights.reads]
    if refused:
        rows = tuple({"table": table, "lacks": "SELECT"} for table in refused)
        yield RIGHTS.failed(f"the role may not read {', '.join(refused)}", Findings(rows))
    else:
        yield RIGHTS.passed(f"the role may read {len(concerned)} of {len(concerned)} tables")
    yield Fact("Rollback", _rollback(found, concerned))
    written = [rights.table for rights in concerned if rights.writes]
    if not found.is_writable:
        yield WRITES.passed("the server is read-only (a standby)")
    elif written:
        yield WRITES.warned(f"this role can write: {', '.join(written)}")
    else:
        yield WRITES.passed("this role cannot write")


def _rollback(found: Surroundings, concerned: list[TableRights]) -> str:
    lacking = [rights.table for rights in concerned if not (rights.deletes and rights.updates)]
    if not found.is_writable:
        return "not by this connection: the server is read-only"
    if lacking:
        return f"this role lacks DELETE or UPDATE on {', '.join(lacking)}"
    return "this role has the rights for one"


def _constraints(found: Surroundings) -> Check:
    unvalidated = found.unvalidated or ()
    if not unvalidated:
        return CONSTRAINTS.passed("none is NOT VALID")
    rows = tuple({"table": c.table, "constraint": c.constraint, "definition": c.definition} for c in unvalidated)
    names = ", ".join(f"{c.table}.{c.constraint}" for c in unvalidated[:5])
    return CONSTRAINTS.warned(f"{len(rows)} not validated: {names}", Findings(rows))


def clock_check(ahead_s: float, waited_s: float) -> Check:
    """Judge how far the server's clock is ahead of this machine's.

    Args:
        ahead_s: The server's clock minus this machine's at the moment of the question, in seconds.
        waited_s: Seconds until the answer was there.
    """
    # The server looked at its clock at some moment while it was waited for.
    off = max(-ahead_s, ahead_s - waited_s, 0.0)
    numbers = Findings(expected=f"less than {CLOCK_WARN_S:g} s", actual=f"{off:.1f} s")
    if off < CLOCK_WARN_S:
        return CLOCK.passed(f"{off:.1f} s apart", numbers)
    sentence = f"the server's clock is {off:.1f} s {'ahead' if ahead_s > 0 else 'behind'}"
    return (CLOCK.failed if off >= CLOCK_FAIL_S else CLOCK.warned)(sentence, numbers)
