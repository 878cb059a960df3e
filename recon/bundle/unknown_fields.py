"""The keys of records that recon does not know, so that a field that no check compares is not passed over."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from recon.bundle.columns import COLUMNS

if TYPE_CHECKING:
    from recon.bundle.lists import JsonList

# Importers write the same keys for each record, so of a longer list the beginning will do.
FIRST_BYTES = 8 * 2**20
END_OF_ITEM = b"},"


def unknown_fields(listed: JsonList) -> tuple[str, ...]:
    """Return the keys of an entity's records that no column is loaded from, in the order of the file.

    Of a list of more than 8 MB only the beginning is read.
    """
    text = _beginning(listed)
    try:
        msgspec.json.decode(text, type=list[_known_alone(listed.table)])  # type: ignore[misc]
    except msgspec.ValidationError:
        known = {key for column in COLUMNS[listed.table] for key in column.keys}
        items = msgspec.json.decode(text, type=list[dict[str, msgspec.Raw]])
        return tuple(dict.fromkeys(key for item in items for key in item if key not in known))
    except msgspec.DecodeError:
        # The beginning ends inside an item; the list itself was read, so there is nothing to refuse.
        return ()
    return ()


def _beginning(listed: JsonList) -> bytes:
    with listed.open() as file:
        file.seek(listed.start)
        text = file.read(min(listed.size_bytes, FIRST_BYTES))
    return text if len(text) == listed.size_bytes else text[: text.rfind(END_OF_ITEM) + 1] + b"]"


@cache
def _known_alone(entity: str) -> type[msgspec.Struct]:
    """Return the type of a record that has the known keys alone, whatever their values; it is decoded in no time."""
    keys = [key for column in COLUMNS[entity] for key in column.keys]
    fields = [(f"key_{number}", msgspec.Raw, msgspec.Raw(b"null")) for number in range(len(keys))]
    renamed = {f"key_{number}": key for number, key in enumerate(keys)}
    return msgspec.defstruct(entity, fields, rename=renamed, forbid_unknown_fields=True)
