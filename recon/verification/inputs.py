"""Describes what a judgement was reached from: enough to say later what differs between two of them."""

from __future__ import annotations

from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.bundle.formats import NAMES
from recon.model.inputs import JudgedInputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.bundle import Bundle
    from recon.profile import Profile
    from recon.rules import Rule
    from recon.verification.options import VerifyOptions

SHOWN_DIGITS = 16
# What only says where to read and how long to wait; the database is in the judgement itself.
NOT_DECIDING = ("database", "timeout_s")


def judged_inputs(
    files: Mapping[str, str], rules: Iterable[Rule], options: VerifyOptions, profile: Profile
) -> JudgedInputs:
    """Describe the inputs of a judgement.

    Args:
        files: The bundle's files, as `digests_of` returns them.
        rules: The rules, also those that are switched off.
        options: The options.
        profile: The profile that was used.
    """
    settings = {
        name: _words(getattr(options, name), is_path=declared.is_path)
        for name, declared in options.declared.items()
        if name not in NOT_DECIDING
    }
    tables = _short(repr((profile.tables, profile.personal_columns)).encode())
    settings["profile"] = f"{options.profile or 'built-in'} ({tables})"
    return JudgedInputs(version("recon"), files, {rule.id: rule_digest(rule) for rule in rules}, settings)


def digests_of(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each file that a judgement on the bundle depends on, by its name or entity."""
    files = {name: bundle.report_file.with_name(name) for name in NAMES}
    exports = {entity: export.file for entity, export in bundle.exports.items()}
    return {name: _digest(path) for name, path in (files | exports).items() if path.is_file()}


def baseline_digest(folder: Path) -> str:
    """Return the SHA-256 of a run's judgement, or of a backup's manifest; empty: it is neither."""
    file = baseline_file(folder)
    return _digest(file) if file else ""


def baseline_file(folder: Path) -> Path | None:
    """Return the file that says what a baseline held; None: there is none."""
    files = (folder / name for name in ("verification.json", "manifest.json"))
    return next((path for path in files if path.is_file()), None)


def rule_digest(rule: Rule) -> str:
    """Return what changes when a rule asks or says something else: not when its entry moves, nor who overrides it."""
    moved = replace(rule, file=Path(), line=0, order=0, suite="", is_shipped=False, overrides=None)
    moved = replace(moved, switched_off=rule.switched_off and "yes")
    return _short(repr(moved).encode())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _words(value: object, *, is_path: bool) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_words(each, is_path=is_path) for each in value)
    if value is None:
        return ""
    path = Path(str(value))
    return f"{path} ({_digest(path)[:SHOWN_DIGITS]})" if is_path and path.is_file() else str(value)


def _short(content: bytes) -> str:
    return sha256(content).hexdigest()[:SHOWN_DIGITS]
