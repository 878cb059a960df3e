"""An importer of Wild Apricot exports: CSV in, rows of the application and a migration bundle out.

    python docs/examples/importer --exports exports --database club.db --bundle migration-bundle [--dry-run]

Exit codes: 0 imported (rows may have been rejected, as the bundle reports), 1 not imported.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bundle import iso_now, report_of, require_free, write_bundle, yesterday
from club import ClubImport, Imported
from exports import ImportFailedError, read_export
from faults import FAULTS, OF_THE_RUN
from records import Rules
from target import audit_row, create_tables, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target import Target

HERE = Path(__file__).parent
ENTITIES = ("members", "events", "registrations")
FIELDS = {"members": "member_fields", "events": "event_fields", "registrations": "registration_fields"}
NEEDED = {
    "members": ("waId", "firstName", "lastName", "email"),
    "events": ("waId", "title", "startTime"),
    "registrations": ("waId", "memberId", "eventId"),
}


def main() -> int:
    """Run one import."""
    options = _options()
    run: dict[str, Any] = {"runId": options.run_id or str(uuid4()), "startedAt": iso_now(), "dryRun": options.dry_run}
    try:
        config = json.loads(options.config.read_text(encoding="utf-8"))
        rules = Rules(config, _policies(options.policies))
        if options.bundle:
            require_free(options.bundle)
        if options.create_tables:
            create_tables(options.database)
            if not options.exports:
                return 0
        imported = _import(options, rules, run)
    except ImportFailedError as failure:
        print(f"Import failed: {failure}", file=sys.stderr)
        return 1
    if "die" in options.fault:
        os._exit(137)
    while "hang" in options.fault:
        time.sleep(1)
    if "no-bundle" not in options.fault:
        run["completedAt"] = iso_now()
        if "older-bundle" in options.fault:
            run |= {"startedAt": yesterday(run["startedAt"]), "completedAt": yesterday(run["completedAt"])}
        report = report_of(run, imported, rules.remarks)
        beside = {"migration-config.json": options.config, "policy-bundle.json": options.policies}
        write_bundle(options.bundle, report, beside)
        if "two-bundles" in options.fault:
            write_bundle(options.bundle.with_name(f"{options.bundle.name}-2"), report, beside)
        print(f"[4/4] Bundle written to {options.bundle}")
    print(f"{'Dry run' if options.dry_run else 'Import'} complete: run {run['runId']}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="importer", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--exports",
        type=Path,
        metavar="FOLDER",
        help="with one CSV file each of members, events and registrations",
    )
    parser.add_argument(
        "--database", metavar="NAME", help="SQLite file, URL of PostgreSQL, or the variable that holds it"
    )
    parser.add_argument("--bundle", type=Path, metavar="FOLDER", help="the bundle to write")
    parser.add_argument("--config", type=Path, default=HERE / "migration-config.json", metavar="FILE")
    parser.add_argument("--policies", type=Path, metavar="FILE", help="policy-bundle.json of the club")
    parser.add_argument("--run-id", metavar="ID", help="default: a new one")
    parser.add_argument("--dry-run", action="store_true", help="write the bundle, and nothing to the database")
    parser.add_argument(
        "--create-tables",
        action="store_true",
        help="make a SQLite database with the application's tables; alone, only that",
    )
    described = "\n".join(
        [f"{name}: {work.__doc__}" for name, work in FAULTS.items()] + [f"{n}: {t}" for n, t in OF_THE_RUN.items()]
    )
    parser.add_argument(
        "--fault", action="append", default=[], choices=[*FAULTS, *OF_THE_RUN], metavar="NAME", help=described
    )
    options = parser.parse_args()
    if not options.create_tables and not (options.exports and options.bundle):
        parser.error("--exports and --bundle are needed, or --create-tables")
    return options


def _policies(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {policy["key"]: policy["value"] for policy in document["policies"] if policy.get("source") != "template"}


def _import(options: argparse.Namespace, rules: Rules, run: Mapping[str, Any]) -> Mapping[str, Imported]:
    """Read the exports, decide, and write in one transaction.

    Raises:
        ImportFailedError: An export cannot be read, or the database refused.
    """
    print("[1/4] Reading exports...")
    exports = {}
    for entity in ENTITIES:
        file = _export_of(entity, options.exports)
        exports[entity] = read_export(file, rules.config[FIELDS[entity]], NEEDED[entity])
        print(f"  - {entity}: {len(exports[entity].rows)} rows")
        for remark in exports[entity].remarks:
            print(f"    {remark}")
    writes = not options.dry_run or "dry-run-writes" in options.fault
    try:
        with opened(options.database, writes=writes) as target:
            print("[2/4] Matching rows...")
            club = ClubImport(target, rules, dry_run=options.dry_run)
            imported = {"members": club.members(exports["members"]), "events": club.events(exports["events"])}
            ids = (imported["members"].ids, imported["events"].ids)
            imported["registrations"] = club.registrations(exports["registrations"], *ids)
            for fault in (FAULTS[name] for name in options.fault if name in FAULTS):
                fault(imported)
            print("[3/4] Writing..." if writes else "[3/4] Dry run: nothing is written")
            if writes:
                _write(club, target, imported, options, run)
    except ImportFailedError:
        raise
    except Exception as error:
        if os.environ.get("IMPORTER_TRACEBACK"):
            traceback.print_exc()
        raise ImportFailedError(
            f"the database refused: {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error
    return imported


def _export_of(entity: str, folder: Path) -> Path:
    """Return the only CSV file of the folder that has the entity in its name.

    Raises:
        ImportFailedError: There is none, or there are several.
    """
    found = sorted(path for path in folder.glob("*.csv") if entity in path.name.lower())
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ImportFailedError(f"{folder}: expected one CSV file with {entity} in its name, found {names}")
    return found[0]


def _write(
    club: ClubImport,
    target: Target,
    imported: Mapping[str, Imported],
    options: argparse.Namespace,
    run: Mapping[str, Any],
) -> None:
    for entity, each in imported.items():
        club.write(entity, each, run["runId"])
        counts = ", ".join(
            f"{each.counted(action)} {word}"
            for action, word in (("create", "created"), ("update", "updated"), ("skip", "skipped"))
        )
        print(f"  - {entity}: {counts}, {each.rejected} rejected")
    if "no-audit" not in options.fault and target.columns("AuditLog"):
        written = {entity: each.counted("create") + each.counted("update") for entity, each in imported.items()}
        target.insert("AuditLog", [audit_row(run["runId"], written)])
    if "fail" in options.fault:
        raise ImportFailedError("the fault that was asked for")


if __name__ == "__main__":
    sys.exit(main())
