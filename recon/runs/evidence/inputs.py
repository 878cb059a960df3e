"""Describes what a folder was made from: the files of the bundle, suites, profile, the SQL that ran, the snapshot."""

from __future__ import annotations

from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.bundle.formats import NAMES
from recon.profile import BUILT_IN
from recon.rules.files import suite_paths
from recon.runs.evidence.manifest import FolderInputs, ReadFile, ReadSnapshot, read_file
from recon.verification.inputs import baseline_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.bundle import Bundle
    from recon.model import Verification
    from recon.rules import Rule
    from recon.verification.verify import Judgement


def judged_from(judgement: Judgement) -> FolderInputs:
    """Describe what a judgement was reached from; its bundle is open. What cannot be read any more is left out."""
    case = judgement.case
    options = case.options
    deciding = (options.profile or BUILT_IN, options.policies, options.accept, options.advice)
    held = (file for folder in options.baseline if (file := baseline_file(Path(folder))))
    return FolderInputs(
        bundle=tuple(_files_of(case.bundle, case.files)),
        suites=tuple(_readable(path for folder in options.layers for path in suite_paths(folder))),
        settings=tuple(_readable((*(Path(path) for path in deciding if path), *held))),
        sql=_sql(judgement.rules),
        snapshot=_snapshot(judgement.verification),
    )


def named_inputs(
    bundle: Path | str | None, layers: Sequence[Path], settings: Iterable[Path | str | None] = ()
) -> FolderInputs:
    """Describe what a command was given where no bundle is open; what cannot be read is left out.

    Args:
        bundle: The bundle, a folder or an archive; None: there is none.
        layers: The folders of suites.
        settings: The profile and other files; None: not given.
    """
    home = Path(bundle) if bundle else None
    beside = [home] if home and home.is_file() else [home / name for name in NAMES] if home else []
    return FolderInputs(
        bundle=tuple(_readable(beside)),
        suites=tuple(_readable(path for folder in layers if folder.is_dir() for path in suite_paths(folder))),
        settings=tuple(_readable(Path(path) for path in settings if path)),
    )


def _readable(paths: Iterable[Path]) -> Iterator[ReadFile]:
    for path in paths:
        try:
            yield read_file(path)
        except OSError:
            continue


def _files_of(bundle: Bundle, digests: dict[str, str]) -> Iterator[ReadFile]:
    """Each file by its name or entity, as the judgement read it; of a packed bundle, what was packed as well."""
    unpacked = bundle.unpacked.folder.resolve() if bundle.unpacked else None
    for name, digest in digests.items():
        export = bundle.exports.get(name)
        path = (export.file if export else bundle.report_file.with_name(name)).resolve()
        is_lasting = unpacked is None or not path.is_relative_to(unpacked)
        yield ReadFile(name, digest, str(path) if is_lasting else None)
    if unpacked is not None:
        packed = [bundle.path] if bundle.path.is_file() else [bundle.path / f"{name}.gz" for name in NAMES]
        yield from _readable(packed)


def _sql(rules: Iterable[Rule]) -> dict[str, str]:
    found: dict[str, str] = {}
    for rule in rules:
        queries = {rule.id: rule.sql, f"{rule.id}.values": rule.values_sql}
        found |= {name: sha256(query.encode()).hexdigest() for name, query in queries.items() if query}
    return found


def _snapshot(v: Verification) -> ReadSnapshot:
    seen = [v.snapshot.database, v.started_at.astimezone(UTC).isoformat(), sorted(v.snapshot.rows.items())]
    identity = sha256(msgspec.json.encode(seen)).hexdigest()
    return ReadSnapshot(identity, v.snapshot.database, v.snapshot.guarantee, v.snapshot.consistent)
