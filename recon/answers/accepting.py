"""Accepts findings of a run: chooses them, and writes entries for them into a file of accepted differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from recon.answers.opening import opened_run
from recon.errors import UsageError, suggest
from recon.rules.acceptance import DEFAULT_FILE, AcceptedEntry, WrittenEntries, accept_findings, lacks_approval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.answers.answers import Answers

# Nobody remembers for longer why something is right.
LONGEST = timedelta(days=366)
REPORT = "migration-report.json"
MOST_NAMED = 3


@dataclass(frozen=True)
class AcceptOptions:
    """Which findings of a run are accepted, why, by whom and for how long.

    A finding is chosen if it agrees with each of `checks`, `causes`, `entities` and `keys` that is not empty.

    Attributes:
        run: The run's folder.
        reason: Why the differences are right, or bearable; names no person of the data.
        owner: Who answers for them.
        expires: The last day, by UTC, on which they are accepted; at most a year from now.
        approved_by: Who else approved it, which checks of the category "integrity" need; None: nobody.
        file: The file to write into; created if there is none.
        checks, causes, entities, keys: What is chosen, as `checks.findings` names it; empty: whatever it is.
        findings: The names of single findings, as `Answers.subjects` has them; then nothing else chooses.
        all: Choose every finding.
        renew: Choose among those too that are accepted already.
        wide: Write entries that accept as many violations as were chosen, whichever they are, in the place of one entry
            for each finding: for each check, and each of `entities` and `causes` where they are given. A finding
            without a key, such as a wrong count, has an entry of its own all the same.
    """

    run: Path | str
    reason: str
    owner: str
    expires: date
    approved_by: str | None = None
    file: Path | str = DEFAULT_FILE
    checks: Sequence[str] = ()
    causes: Sequence[str] = ()
    entities: Sequence[str] = ()
    keys: Sequence[str] = ()
    findings: Sequence[str] = ()
    all: bool = False
    renew: bool = False
    wide: bool = False
    today: date = field(default_factory=lambda: datetime.now(UTC).date())


@dataclass(frozen=True)
class AcceptedFindings:
    """What was accepted.

    Attributes:
        findings: The number of findings, by the id of their check.
        written: How many entries were written.
    """

    findings: dict[str, int]
    written: WrittenEntries


def accept_run(options: AcceptOptions) -> AcceptedFindings:
    """Write entries for the chosen findings of a run into a file of accepted differences.

    Raises:
        UsageError: Nothing is chosen, or what is chosen cannot be accepted in this way.
        ReportError: It is no folder of a run, or the run kept no snapshot.
        AcceptanceError: The file cannot be read, edited or written.
    """
    _require_terms(options)
    with opened_run(options.run) as answers:
        return accept_of(answers, options)


def accept_of(answers: Answers, options: AcceptOptions) -> AcceptedFindings:
    """Accept findings of an open run, as `accept_run` does.

    Raises:
        UsageError: Nothing is chosen, or what is chosen cannot be accepted in this way.
        AcceptanceError: The file cannot be read, edited or written.
    """
    _require_terms(options)
    chosen = _named(answers, options.findings) if options.findings else _chosen(answers, options)
    _require_approval(answers, options, chosen["check_id"].unique(maintain_order=True).to_list())
    # The number of findings that are about no single thing says nothing of how wrong they are.
    countable = _wide(chosen.filter(pl.col("key").is_not_null()), options) if options.wide else ()
    single = chosen.filter(pl.col("key").is_null()) if options.wide else chosen
    written = accept_findings([*_single(single, options), *countable], options.file)
    counted = chosen.group_by("check_id", maintain_order=True).len()
    return AcceptedFindings(dict(counted.iter_rows()), written)


def _require_terms(options: AcceptOptions) -> None:
    if not (options.all or options.findings or options.checks or options.causes or options.entities or options.keys):
        raise UsageError(
            "Nothing is chosen",
            expected="--check, --cause, --entity or --key, or --all",
            found="none of them",
            next_step="recon show RUN checks lists the checks",
        )
    if not options.today <= options.expires <= options.today + LONGEST:
        raise UsageError(
            "A difference cannot be accepted until then",
            where="--expires",
            expected=f"a day from {options.today} to {options.today + LONGEST}, by UTC",
            found=str(options.expires),
        )
    if options.wide and (options.keys or options.findings):
        raise UsageError("Entries for single keys and for many at once exclude each other", where="--key, --wide")
    require_outside(options.file)


def require_outside(file: Path | str) -> None:
    """Require that a file of accepted differences is none of a bundle, where it would not be read.

    Raises:
        UsageError: It is.
    """
    if (Path(file).parent / REPORT).exists():
        raise UsageError(
            "Accepted differences are not read from a bundle",
            where=f"--output {file}"[:300],
            expected="a file in another folder",
            found=f"{REPORT} beside it",
        )


def _chosen(answers: Answers, options: AcceptOptions) -> pl.DataFrame:
    """The chosen findings, in their order.

    Raises:
        UsageError: There are none, or no finding has one of the wanted names.
    """
    # A frame and a lazy frame alike.
    found = answers.findings.lazy().collect()
    for flag, name, wanted in _wishes(options):
        known = found[name].drop_nulls().unique().to_list()
        unknown = next((each for each in wanted if each not in known), None)
        if unknown is not None:
            raise UsageError(
                f"No finding has that {flag.removeprefix('--')}",
                where=flag,
                expected=", ".join(sorted(known)) if len(known) < 30 else "one that recon show RUN check ID shows",
                found=repr(unknown[:60]),
                next_step=suggest(unknown, known) if len(known) < 1000 else None,
            )
        found = found.filter(pl.col(name).is_in(list(wanted)))
    left = found if options.renew else found.filter(pl.col("standing") != "accepted")
    if left.is_empty():
        raise UsageError(
            "There is nothing to accept",
            expected="findings that are not accepted",
            found=f"{len(found):,} that are accepted already" if len(found) else "none",
            next_step="--renew gives them another date, reason and owner" if len(found) else None,
        )
    return left


def _named(answers: Answers, names: Sequence[str]) -> pl.DataFrame:
    """The findings of these names, in their order.

    Raises:
        UsageError: The run has not all of them.
    """
    subjects = answers.subjects
    found = subjects.filter(pl.col("finding").is_in(list(names)))
    if len(found) != len(set(names)):
        raise UsageError(
            "Findings that are chosen are none of this run", found=f"{len(found):,} of {len(set(names)):,}"
        )
    return found.sort("check_id", "entity", "key", "field")


def _wishes(options: AcceptOptions) -> Iterator[tuple[str, str, Sequence[str]]]:
    wishes = (
        ("--check", "check_id", [each.replace("-", "_") for each in options.checks]),
        ("--cause", "cause", options.causes),
        ("--entity", "entity", options.entities),
        ("--key", "key", options.keys),
    )
    yield from (wish for wish in wishes if wish[2])


def _require_approval(answers: Answers, options: AcceptOptions, check_ids: Sequence[str]) -> None:
    lacking = [
        check_id
        for check_id in check_ids
        if lacks_approval(_entry(options, check_id, maximum=1), answers.checks[check_id].category)
    ]
    if lacking:
        more = f" and {len(lacking) - MOST_NAMED} more" if len(lacking) > MOST_NAMED else ""
        raise UsageError(
            "Failures of integrity need the approval of another person",
            where="--approved-by",
            expected="the name of somebody other than the owner",
            found=f"{options.approved_by or 'nobody'}, for {', '.join(lacking[:MOST_NAMED])}{more}",
        )


def _single(chosen: pl.DataFrame, options: AcceptOptions) -> Iterator[AcceptedEntry]:
    """One entry for each finding."""
    for row in chosen.iter_rows(named=True):
        about = {name: row[name] for name in ("entity", "key", "field", "cause", "fingerprint")}
        yield _entry(options, row["check_id"], **about)


def _wide(chosen: pl.DataFrame, options: AcceptOptions) -> Iterator[AcceptedEntry]:
    """One entry for each check, and for each entity and cause that were asked for."""
    apart = [name for name, wanted in (("entity", options.entities), ("cause", options.causes)) if wanted]
    counted = chosen.group_by("check_id", *apart, maintain_order=True).agg(pl.col("violations").sum())
    for row in counted.iter_rows(named=True):
        yield _entry(options, row["check_id"], maximum=row["violations"], **{name: row[name] for name in apart})


def _entry(options: AcceptOptions, check_id: str, **about: str | int | None) -> AcceptedEntry:
    by = options.approved_by
    return replace(AcceptedEntry(check_id, options.reason, options.owner, options.expires, approved_by=by), **about)
