"""The judgement that is recorded in the snapshot it was reached on, and the key of its question."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
from msgspec.structs import replace

from recon.bundle.formats import NAMES
from recon.model import Verification
from recon.warehouse.kept import incomplete, keep_snapshot, kept_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.bundle import Bundle
    from recon.rules import Rule
    from recon.warehouse import Warehouse


def keep_judged(warehouse: Warehouse, verification: Verification, key: str, path: Path) -> None:
    """Keep the warehouse as a snapshot at `path`, with the judgement that was reached on it.

    Args:
        warehouse: Holds what was judged.
        verification: The judgement.
        key: What tells it from others: see `judgement_key`.
        path: The file to write, whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    document = msgspec.json.encode(verification, enc_hook=_encoded).decode()
    keep_snapshot(warehouse, verification.snapshot, {"key": key, "document": document}, path)


def recorded_judgement(warehouse: Warehouse, key: str) -> Verification | None:
    """The judgement that the snapshot was kept with; None where `key` tells of another question."""
    recorded, document = kept_row(warehouse, "select key, document from kept.recon.judgement")
    if recorded != key:
        return None
    try:
        return msgspec.json.decode(document, type=Verification, dec_hook=_decoded)
    except (msgspec.DecodeError, ValueError, pl.exceptions.PolarsError) as error:
        raise incomplete(warehouse, error) from error


def judgement_key(bundle: Bundle, rules: Iterable[Rule], settings: Mapping[str, object]) -> str:
    """What tells one judgement on a snapshot from another: the bundle's content, the rules and the settings.

    Where files lie does not matter, only what stands in them.
    """
    digest = sha256()
    files = {name: bundle.report_file.with_name(name) for name in NAMES}
    for name, path in (files | {entity: export.file for entity, export in bundle.exports.items()}).items():
        if path.is_file():
            with path.open("rb") as file:
                digest.update(name.encode() + file_digest(file, "sha256").digest())
    for rule in rules:
        lasting = replace(rule, file=Path(rule.file.name), overrides=None, switched_off=rule.switched_off and "yes")
        digest.update(repr(lasting).encode())
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def _encoded(frame: Any) -> str:
    """A frame as text, with its types."""
    file = BytesIO()
    frame.write_ipc(file)
    return b64encode(file.getvalue()).decode()


def _decoded(_: type, text: str) -> pl.DataFrame:
    return pl.read_ipc(b64decode(text))
