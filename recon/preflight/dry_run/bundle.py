"""What the dry run's report says about the run as a whole: that it wrote nothing, completed, and when."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from recon.bundle.formats import NAMES
from recon.masking import mask_text
from recon.model import ENTITIES, Fact, Findings, Probe
from recon.preflight.dry_run.violating import STATEMENTS, found
from recon.preflight.wording import counted, span_words, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.bundle import Bundle
    from recon.model import Check
    from recon.preflight.dry_run.options import DryRunOptions
    from recon.warehouse import Warehouse

CATEGORY = "dry-run"
# Clocks of two machines differ by less, if both are kept.
CLOCKS_DIFFER = timedelta(minutes=1)
BUNDLE = Probe(
    "dry_run_bundle",
    "Dry-Run Bundle",
    CATEGORY,
    "The bundle of the dry run is what importers write, and holds records.",
    "The importer did not finish, or the bundle was not copied whole",
    "Take the bundle from the importer again, or do the dry run again",
)
KIND = Probe(
    "dry_run_kind",
    "Dry Run",
    CATEGORY,
    "The bundle is of a dry run: it says so, and the ids of rows to create begin with dry-.",
    "This import wrote to a database, so it is no rehearsal of the one to come",
    "Find out which database it wrote to, and name the bundle of a dry run",
)
AGE = Probe(
    "dry_run_age",
    "Age of the Dry Run",
    CATEGORY,
    "The dry run completed, and not longer ago than allowed.",
    "Source or database may have changed since",
    "Do the dry run again, and review it",
)


def bundle_digest(bundle: Bundle) -> str:
    """The SHA-256 over the digests and names of the bundle's JSON files, unpacked, one line each as of sha256sum.

    Raises:
        OSError: A file cannot be read.
    """
    lines = ""
    for name in sorted(NAMES):
        file = bundle.report_file.with_name(name)
        if file.is_file():
            with file.open("rb") as content:
                whole = sha256()
                while piece := content.read(2**20):
                    whole.update(piece)
            lines += f"{whole.hexdigest()}  {name}\n"
    return sha256(lines.encode()).hexdigest()


def bundle_facts(bundle: Bundle) -> Iterator[Fact]:
    """What the bundle is, and what the importer would have done."""
    yield Fact("Run ID", bundle.run_id)
    yield Fact("Completed", utc_text(bundle.completed_at) if bundle.completed_at else "not recorded")
    yield Fact("SHA-256", bundle_digest(bundle))
    for name in ENTITIES:
        e = bundle.entities[name]
        parts = {"created": e.created, "updated": e.updated, "skipped": e.skipped, "errors": e.errors}
        words = ", ".join(f"{number:,} {word}" for word, number in parts.items() if number is not None)
        yield Fact(name.capitalize(), words)


def ask_bundle(bundle: Bundle, warehouse: Warehouse, options: DryRunOptions) -> Iterator[Check]:
    """Ask what the report says about the run as a whole."""
    yield _is_usable(bundle, warehouse)
    yield _is_dry(bundle, warehouse)
    yield _is_recent(bundle, options)


def _is_usable(bundle: Bundle, warehouse: Warehouse) -> Check:
    rows = warehouse.rows("select rows_in_all from source.run")[0]["rows_in_all"]
    if not rows:
        return BUNDLE.not_evaluated("The dry run read no records at all: there is nothing to judge")
    message = f"The bundle is valid: {counted(rows, 'row')} read"
    if bundle.notes:
        return BUNDLE.warned(message, Findings(detail=mask_text("; ".join(bundle.notes))))
    return BUNDLE.passed(message)


def _is_dry(bundle: Bundle, warehouse: Warehouse) -> Check:
    if not bundle.dry_run:
        said = Findings(expected="dryRun true", actual="dryRun false")
        return KIND.failed("This bundle is not of a dry run: dryRun is false", said)
    real = found(warehouse, STATEMENTS["real_ids"])
    if real.total:
        return real.judge(KIND.failed, f"{counted(real.total, 'record')} to create with an id that is not dry-…")
    return KIND.passed("The dry run wrote nothing: dryRun is true")


def _is_recent(bundle: Bundle, options: DryRunOptions) -> Check:
    if bundle.completed_at is None:
        return AGE.failed("The dry run did not complete: its report has no completedAt")
    age = options.moment - bundle.completed_at
    most = f"at most {options.max_age_h:g} h"
    ages = Findings(expected=most, actual=span_words(age))
    if age < -CLOCKS_DIFFER:
        ahead = f"The dry run completed {span_words(age)} in the future"
        return AGE.failed(f"{ahead}: check the clocks of the importer's machine and of this one", ages)
    if age > options.max_age:
        return AGE.failed(f"The dry run completed {span_words(age)} ago; allowed are {options.max_age_h:g} h", ages)
    return AGE.passed(f"The dry run completed {span_words(age)} ago; allowed are {options.max_age_h:g} h", ages)
