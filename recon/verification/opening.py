"""Opens what is compared: refuses a dry run, and opens the database in the background, or a snapshot in its place."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from recon.background import start
from recon.database import open_source, resolve_database
from recon.errors import BundleError, ReconError, UsageError
from recon.warehouse.kept import is_snapshot_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from recon.bundle import Bundle
    from recon.database import Source
    from recon.verification.options import VerifyOptions
    from recon.warehouse import Warehouse


def kept_snapshot(options: VerifyOptions) -> Path | None:
    """Return the snapshot that a run kept, if `database` names one; errors in `database` are raised on opening it."""
    try:
        url = resolve_database(options.database, options.environment)
    except ReconError:
        return None
    return url.path if url.kind == "duckdb" and url.path and is_snapshot_file(url.path) else None


def refuse_dry_run(bundle: Bundle, options: VerifyOptions) -> None:
    """Refuse the bundle of a dry run, which wrote nothing, unless the options allow it.

    Raises:
        BundleError: The bundle is of a dry run.
    """
    if bundle.dry_run and not options.allow_dry_run:
        raise BundleError(
            "This bundle is of a dry run, which wrote nothing to the database, so there is nothing to verify",
            where=options.bundle_text,
            expected="dryRun false",
            found="dryRun true",
            next_step="Verify the bundle of the real run, or use --allow-dry-run to compare anyway",
        )


@contextmanager
def opened_source(options: VerifyOptions, warehouse: Warehouse) -> Iterator[Future[Source] | None]:
    """Open the database in the background and close it at the end; yields None where a kept snapshot replaces it."""
    if options.evidence_rows < 1:
        raise UsageError("At least one row of evidence is kept", where="--evidence-rows", expected="1 or more")
    if options.timeout_s is not None and options.timeout_s <= 0:
        raise UsageError("The timeout leaves no time to wait", where="--timeout", expected="more than 0 seconds")
    if warehouse.kept:
        yield None
        return
    source = start(lambda: open_source(resolve_database(options.database, options.environment), options.timeout_s))
    try:
        yield source
    finally:
        # A caller that leaves while the database is still opening does not wait for it.
        source.add_done_callback(_close)


def _close(source: Future[Source]) -> None:
    if source.exception() is None:
        source.result().close()
