"""The judgement that is recorded in the snapshot that it was reached on, and the key that identifies it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
from msgspec.structs import replace

from recon.model import Verification
from recon.warehouse.kept import incomplete, keep_snapshot, kept_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.bundle import Bundle
    from recon.rules import Rule
    from recon.warehouse import Warehouse


def keep_judged(warehouse: Warehouse, verification: Verification, key: str, path: Path) -> None:
    """Write the warehouse as a kept snapshot to `path`, with the judgement that was reached on it.

    Args:
        warehouse: Holds the data that was judged.
        verification: The judgement.
        key: The key that identifies it; see `judgement_key`.
        path: The file to write, atomically.

    Raises:
        OutputError: The file cannot be written.
    """
    document = msgspec.json.encode(verification, enc_hook=_encoded).decode()
    keep_snapshot(warehouse, verification.snapshot, {"key": key, "document": document}, path)


def recorded_judgement(warehouse: Warehouse, key: str) -> Verification | None:
    """Return the judgement recorded in the snapshot; None where its key is not `key`."""
    recorded, document = kept_row(warehouse, "select key, document from kept.recon.judgement")
    if recorded != key:
        return None
    try:
        return msgspec.json.decode(document, type=Verification, dec_hook=_decoded)
    except (msgspec.DecodeError, ValueError, pl.exceptions.PolarsError) as error:
        raise incomplete(warehouse, error) from error


def judgement_key(
    bundle: Bundle, files: Mapping[str, str], rules: Iterable[Rule], settings: Mapping[str, object]
) -> str:
    """Return what distinguishes one judgement on a snapshot from another: a digest of bundle, rules and settings.

    Only the contents of files matter, not their location; `files` are their digests, as of `digests_of`.
    """
    digest = sha256()
    for name, found in files.items():
        digest.update(name.encode() + bytes.fromhex(found))
    # Files that are named because they are not read: their contents do not matter, what is said of them does.
    digest.update(json.dumps([bundle.not_read, bundle.notes], sort_keys=True).encode())
    for rule in rules:
        lasting = replace(rule, file=Path(rule.file.name), overrides=None, switched_off=rule.switched_off and "yes")
        digest.update(repr(lasting).encode())
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def _encoded(frame: Any) -> str:
    """Encode a frame as text, with its types."""
    file = BytesIO()
    frame.write_ipc(file)
    return b64encode(file.getvalue()).decode()


def _decoded(_: type, text: str) -> pl.DataFrame:
    return pl.read_ipc(b64decode(text))
