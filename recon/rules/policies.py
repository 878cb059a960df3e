"""The table of policies: what each may be, from the suites' `meta.policies`; upper layers replace lower ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recon.bundle.policies import TYPES, PolicyDefinition
from recon.errors import SuiteError
from recon.rules.conversion import convert, require_choice, wrong
from recon.rules.files import read_suite, suite_paths
from recon.rules.layers import shipped_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from recon.rules.files import SuiteFile

BOUNDED = ("number", "integer")


class PolicyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one policy may be, as a suite states it."""

    type: str
    required: bool = False
    least: int | float | None = None
    most: int | float | None = None
    one_of: list[str] = []


def load_policy_definitions(layers: Iterable[Path]) -> dict[str, PolicyDefinition]:
    """Load what policies may be, by key: the shipped table, and over it those of the folders `layers`.

    Raises:
        SuiteError: A folder or file cannot be used, an entry is invalid, or two of one folder are about one policy.
    """
    shipped = shipped_folder("expectations")
    found: dict[str, PolicyDefinition] = {}
    for folder in (shipped, *(each for each in layers if each != shipped)):
        found |= _of_layer([read_suite(path, is_shipped=folder == shipped) for path in suite_paths(folder)])
    return found


def _of_layer(suites: Iterable[SuiteFile]) -> dict[str, PolicyDefinition]:
    found: dict[str, PolicyDefinition] = {}
    homes: dict[str, Path] = {}
    for suite in suites:
        for definition in _definitions(suite):
            if definition.key in found:
                raise SuiteError(
                    "Two entries are about one policy",
                    expected="one entry for each policy in a folder",
                    found=f"{definition.key!r} in {homes[definition.key]} and {suite.path}",
                    next_step="Remove one",
                )
            found[definition.key], homes[definition.key] = definition, suite.path
    return found


def _definitions(suite: SuiteFile) -> Iterator[PolicyDefinition]:
    entries = suite.meta.get("policies") or {}
    if not isinstance(entries, dict):
        raise wrong(str(suite.path), "meta.policies", "an object by the keys of policies", repr(entries)[:60])
    yield from (_definition(str(key), entry, f"{suite.path}, meta.policies.{key}") for key, entry in entries.items())


def _definition(key: str, written: Any, where: str) -> PolicyDefinition:
    entry = convert(written, PolicyEntry, where, {"": PolicyEntry})
    kind = require_choice(entry.type, tuple(TYPES), where, "type")
    if (entry.least is not None or entry.most is not None) and kind not in BOUNDED:
        raise wrong(where, "least, most", f"bounds on {' or '.join(BOUNDED)} only", f"type {kind}")
    if entry.least is not None and entry.most is not None and entry.least > entry.most:
        raise wrong(where, "least, most", "least up to most", f"{entry.least} and {entry.most}")
    if entry.one_of and kind != "text":
        raise wrong(where, "one_of", "choices of a text only", f"type {kind}")
    return PolicyDefinition(key, kind, entry.required, entry.least, entry.most, tuple(entry.one_of))
