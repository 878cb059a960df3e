"""What a dry run is compared with besides the database: the exports that it read, and the run to come."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.bundle.exports import find_exports
from recon.bundle.formats import CONFIG
from recon.bundle.jsonfile import read_json
from recon.errors import BundleError
from recon.masking import mask_text
from recon.model import ENTITIES, Findings, Probe
from recon.preflight.dry_run.bundle import CATEGORY
from recon.preflight.dry_run.violating import few
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.bundle import Bundle
    from recon.bundle.model import Export
    from recon.model import Check
    from recon.preflight.dry_run.options import DryRunOptions

EXPORTS = Probe(
    "dry_run_exports",
    "Counts Against the Exports",
    CATEGORY,
    "The dry run read exactly the rows that the exports hold.",
    "The dry run read other files, or not all of them: it says nothing about the import to come",
    "Do the dry run again with the exports of the import to come",
)
SETTINGS = Probe(
    "dry_run_config",
    "Importer Configuration",
    CATEGORY,
    "The run to come has the configuration of the dry run.",
    "The import would do other things than the dry run showed",
    "Do the dry run again with the configuration of the import to come, and review it",
)


def found_exports(bundle: Bundle, options: DryRunOptions) -> Mapping[str, Export]:
    """The exports by entity, also of entities whose records the report lists.

    Raises:
        BundleError: The folder of exports holds none, or several for one entity.
    """
    counted = replace(bundle, record_counts=dict.fromkeys(ENTITIES), lists=())
    return find_exports(counted, None if options.exports is None else Path(options.exports))


def ask_surroundings(bundle: Bundle, options: DryRunOptions) -> Iterator[Check]:
    """Ask whether the dry run fits the exports and the run to come."""
    try:
        yield _exports(bundle, options)
    except BundleError as error:
        yield EXPORTS.not_evaluated(mask_text(error.message))
    try:
        yield _settings(bundle, options)
    except BundleError as error:
        yield SETTINGS.not_evaluated(mask_text(error.message))


def _exports(bundle: Bundle, options: DryRunOptions) -> Check:
    exports = found_exports(bundle, options)
    if not exports:
        return EXPORTS.warned("Not compared: no exports lie beside the report; name their folder with --exports")
    counted = replace(bundle, exports=dict(exports), record_counts=dict.fromkeys(ENTITIES), lists=())
    with Warehouse() as warehouse:
        load_bundle(counted, warehouse, [f"source.{entity}" for entity in exports])
        held = {entity: warehouse.row_count(f"source.{entity}") for entity in exports}
    read = {entity: bundle.entities[entity].total_rows for entity in exports}
    unknown = [entity for entity in exports if read[entity] is None]
    if unknown:
        return EXPORTS.not_evaluated(f"The report does not say how many {' and '.join(unknown)} it read (totalRows)")
    rows = [
        {"entity": entity, "export": export.file.name, "rows_in_export": held[entity], "rows_read": read[entity]}
        for entity, export in exports.items()
    ]
    wrong = [row for row in rows if row["rows_in_export"] != row["rows_read"]]
    if wrong:
        words = "; ".join(f"{r['export']} holds {r['rows_in_export']:,}, read were {r['rows_read']:,}" for r in wrong)
        return few(wrong).judge(EXPORTS.failed, words)
    without = [entity for entity in ENTITIES if entity not in exports]
    words = ", ".join(f"{row['rows_read']:,} {row['entity']}" for row in rows)
    if without:
        return EXPORTS.warned(f"Equal: {words}; not compared, without an export: {', '.join(without)}")
    return EXPORTS.passed(f"Equal: {words}")


def _settings(bundle: Bundle, options: DryRunOptions) -> Check:
    if options.config is None:
        return SETTINGS.warned(f"Not compared: name the {CONFIG} of the run to come with --config")
    path = Path(options.config)
    to_come = read_json(path / CONFIG if path.is_dir() else path)
    if bundle.config is None:
        return SETTINGS.warned(f"Not recorded: the bundle of the dry run holds no {CONFIG}")
    before, after = _digest(bundle.config), _digest(to_come)
    found = Findings(expected=before, actual=after)
    if before == after:
        return SETTINGS.passed(f"The same configuration: SHA-256 {before[:16]}… of its canonical JSON", found)
    rows = list(_differences(bundle.config, to_come))
    names = ", ".join(row["setting"] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    return few(rows).judge(SETTINGS.failed, f"The configuration of the run to come is another one: {names}")


def _digest(config: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON: sorted keys, no blanks, UTF-8."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _differences(before: object, after: object, place: str = "") -> Iterator[dict[str, str]]:
    """Where two configurations differ; values are left out, because a configuration may hold a key of an API."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{place}.{key}" if place else str(key)
            if key not in after or key not in before:
                yield {"setting": inner, "difference": "removed" if key in before else "added"}
            else:
                yield from _differences(before[key], after[key], inner)
    elif json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
        yield {"setting": place, "difference": "changed"}
