"""Masking of whole objects: every text in them, wherever it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from recon.masking.texts import mask_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

T = TypeVar("T")
IDS = ("id", "wa_id", "target_id", "run_id")


def mask_texts(value: T, hide: Callable[[str], str], leave: Collection[str] = ()) -> T:
    """Return the value with every text in it masked, the keys of mappings too; ids as `mask_id` does.

    Args:
        value: A text, an object, or a collection of them; what is neither is left as it is.
        hide: Masks a text.
        leave: The attributes that are left as they are.
    """
    return _masked(value, hide, leave)  # type: ignore[no-any-return]


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text of the value that `mask_texts` masks, without ids."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from texts_in(key)
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name not in IDS:
                yield from texts_in(getattr(value, name))


def distinct_keys(keys: Collection[Any], hide: Callable[[str], str]) -> dict[Any, Any]:
    """Return each key's masked form; of those that look the same then, the later ones are numbered."""
    found: dict[Any, Any] = {}
    taken = set(keys)
    for key in keys:
        masked, number = hide(key) if isinstance(key, str) else key, 1
        first = masked
        while masked != key and masked in taken:
            number += 1
            masked = f"{first} ({number})"
        taken.add(masked)
        found[key] = masked
    return found


def _masked(value: Any, hide: Callable[[str], str], leave: Collection[str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        keys = distinct_keys(list(value), hide)
        return {keys[key]: _masked(each, hide, leave) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked(each, hide, leave) for each in value)
    if isinstance(value, msgspec.Struct):
        return _masked_struct(value, hide, leave)
    return value


def _masked_struct(value: msgspec.Struct, hide: Callable[[str], str], leave: Collection[str]) -> msgspec.Struct:
    changed = {}
    for name in value.__struct_fields__:
        if name not in leave:
            given = getattr(value, name)
            found = _masked(given, mask_id if name in IDS else hide, leave)
            if found is not given:
                changed[name] = found
    return replace(value, **changed) if changed else value
