"""Asks all that is asked about a dry run, in order; what cannot be evaluated hides nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle import open_bundle
from recon.errors import BundleError
from recon.masking import mask_text
from recon.model import ENTITIES
from recon.preflight.dry_run.bundle import BUNDLE, ask_bundle, bundle_facts
from recon.preflight.dry_run.records import ask_records
from recon.preflight.dry_run.surroundings import ask_surroundings, found_exports
from recon.preflight.dry_run.target import ask_target
from recon.preflight.dry_run.violating import STATEMENTS
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.bundle import Bundle
    from recon.model import Check, Fact
    from recon.preflight.dry_run.options import DryRunOptions


def ask_dry_run(options: DryRunOptions) -> Iterator[Fact | Check]:
    """Ask whether the dry run is whole, recent, without errors, and fits exports, configuration and database.

    Raises:
        ReconError: The bundle is not there or cannot be read; an invalid one is an answer.
    """
    try:
        bundle = open_bundle(Path(options.bundle))
    except BundleError as error:
        if isinstance(error.__cause__, OSError) or not Path(options.bundle).exists():
            raise
        yield BUNDLE.failed(mask_text(error.message))
        return
    with bundle, Warehouse() as warehouse:
        try:
            bundle = _with_exports(bundle, options)
            load_bundle(bundle, warehouse, [f"source.{entity}" for entity in ENTITIES])
        except BundleError as error:
            yield BUNDLE.failed(mask_text(error.message))
            return
        warehouse.execute(STATEMENTS["setup"])
        yield from bundle_facts(bundle)
        yield from ask_bundle(bundle, warehouse, options)
        yield from ask_records(bundle, warehouse)
        yield from ask_surroundings(bundle, options)
        yield from ask_target(warehouse, options)


def _with_exports(bundle: Bundle, options: DryRunOptions) -> Bundle:
    """The bundle with the named exports in the place of records that it does not list."""
    if options.exports is None or bundle.recorded == set(ENTITIES):
        return bundle
    try:
        named = found_exports(bundle, options)
    except BundleError:
        # The check that compares with the exports says why they cannot be used.
        return bundle
    return replace(bundle, exports={name: one for name, one in named.items() if name not in bundle.recorded})
