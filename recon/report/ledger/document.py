"""A ledger as the plain objects of the JSON report, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert

from recon.model import Association, Cause, DuplicateKey, EntityAccount, Example, KeyHint, Ledger, LevelTiers
from recon.report.text import accounted_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """The whole ledger: the headline and its sums, then its attributes in camelCase; outcomes keep their names."""
    attributes: dict[str, Any] = _plain(ledger)
    return {
        "accountedFor": accounted_line(ledger),
        "records": ledger.records,
        "accounted": ledger.accounted,
        "unexplained": ledger.unexplained,
        "unexplainedRecords": ledger.unexplained_records,
        "unexplainedRows": ledger.unexplained_rows,
        **attributes,
    }


def ledger_of(document: Mapping[str, Any]) -> Ledger:
    """The Ledger from whose plain objects `ledger_document` made this document.

    Raises:
        KeyError, TypeError, msgspec.ValidationError: The document is not of that form.
    """
    lists = {
        "entities": [_attributes(EntityAccount, entity) for entity in document["entities"]],
        "causes": [_cause(cause) for cause in document["causes"]],
        "duplicate_keys": [_attributes(DuplicateKey, key) for key in document["duplicateKeys"]],
        "levels": [_attributes(LevelTiers, level) for level in document["levels"]],
        # Reports of older versions have neither.
        "associations": [_attributes(Association, each) for each in document.get("associations", ())],
        "key_hints": [_attributes(KeyHint, hint) for hint in document.get("keyHints", ())],
    }
    return convert(_attributes(Ledger, document) | lists, Ledger)


def _cause(document: Mapping[str, Any]) -> dict[str, Any]:
    examples = [_attributes(Example, example) for example in document["examples"]]
    return _attributes(Cause, document) | {"examples": examples}


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {_camel(name): _plain(getattr(value, name)) for name in value.__struct_fields__}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _attributes(kind: type[Struct], document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[_camel(name)] for name in kind.__struct_fields__ if _camel(name) in document}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
