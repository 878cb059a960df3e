"""Reads the policies that the application exports, as JSON or TOML."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.bundle.policies.problems import TEMPLATE
from recon.bundle.policies.values import lookup
from recon.errors import UsageError
from recon.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.bundle.formats import Policy

OPTION = "--policies"
WANTED = "the policies that the application exports, as JSON (.json) or TOML (.toml) in UTF-8"
SHAPE = 'an object of policies, by key or nested, or a list of {"key": …, "value": …}'


class ExportedPolicies(Struct, frozen=True):
    """The content of a file of exported policies.

    Attributes:
        file: Its name, without its folder.
        document: The policies, by key or nested.
    """

    file: str
    document: dict[str, Any]


def read_exported(path: Path | str) -> ExportedPolicies:
    """Read a file of policies: an object by key or nested, or a list of keys and values, perhaps under `policies`.

    Raises:
        UsageError: It cannot be read, is neither JSON nor TOML, has a key twice, or holds no policies.
    """
    path = Path(path)
    if path.suffix.lower() not in (".json", ".toml"):
        found = "a folder" if path.is_dir() else repr(path.suffix) if path.suffix else "a name without a suffix"
        raise _unusable(path, found, "Rename it, so that its name says in which format it is")
    try:
        text = read_regular(path).decode("utf-8-sig")
        if path.suffix.lower() == ".toml":
            document = tomllib.loads(text)
        else:
            document = json.loads(text, object_pairs_hook=_each_once, parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    return ExportedPolicies(path.name, _policies(document, path))


def require_shared(exported: ExportedPolicies, policies: Sequence[Policy]) -> None:
    """Ensure that the file has at least one of the policies, if there are any: otherwise it is another file.

    Raises:
        UsageError: It has none of them.
    """
    keys = [policy.key for policy in policies if policy.source != TEMPLATE]
    if keys and not any(lookup(exported.document, key) for key in keys):
        raise UsageError(
            "The file of policies has none of the bundle's policies",
            where=f"{OPTION} {exported.file}"[:300],
            expected=", ".join(keys[:3]) + (", …" if len(keys) > 3 else ""),
            found=", ".join(map(str, list(exported.document)[:5]))[:200],
            next_step="Check that it is the application's export of its settings",
        )


def _unusable(path: Path, found: str, next_step: str | None = None) -> UsageError:
    return UsageError(
        "The file of policies cannot be read",
        where=f"{OPTION} {path}"[:300],
        expected=WANTED,
        found=" ".join(found.split())[:200],
        next_step=next_step or "Export it again from the application",
    )


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; of a key that it has twice, a reader would silently take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} twice in one object")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name}, which is no JSON")


def _policies(document: Any, path: Path) -> dict[str, Any]:
    inner = document.get("policies") if isinstance(document, dict) else None
    if isinstance(inner, dict | list):
        document = inner
    if isinstance(document, list):
        return _listed(document, path)
    if not isinstance(document, dict) or not document:
        found = "nothing in it" if document == {} else f"a {type(document).__name__}"
        raise _unusable(path, found, f"It has to hold {SHAPE}")
    return document


def _listed(entries: list[Any], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or "value" not in entry:
            raise _unusable(path, f"entry {number} without a key or a value", f"It has to hold {SHAPE}")
        if entry["key"] in found:
            raise _unusable(path, f"the key {entry['key']!r} twice", "Keep the intended one")
        found[entry["key"]] = entry["value"]
    if not found:
        raise _unusable(path, "an empty list", f"It has to hold {SHAPE}")
    return found
