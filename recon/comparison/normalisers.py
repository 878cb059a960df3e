"""Text normalisers by name, applied before values are compared or joined: in polars, and as equivalent DuckDB SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

FUNCTION = "normalised"
# Each step on pure ASCII, which stays ASCII: DuckDB has no case folding and recognises no other white space.
OF_ASCII = {
    "trim": r"regexp_replace({}, '^[\t-\r ]+|[\t-\r ]+$', '', 'g')",
    "collapse_spaces": r"regexp_replace({}, '[\t-\r ]+', ' ', 'g')",
    "casefold": "lower({})",
    "nfc": "{}",
    "phone_digits": "coalesce(nullif(regexp_replace({0}, '[^0-9]', '', 'g'), ''), {0})",
    "empty_as_null": "nullif({}, '')",
}


def trim(text: pl.Expr) -> pl.Expr:
    """Remove white space at either end."""
    return text.str.strip_chars()


def collapse_spaces(text: pl.Expr) -> pl.Expr:
    """Replace each run of white space by one space."""
    return text.str.replace_all(r"\s+", " ")


def casefold(text: pl.Expr) -> pl.Expr:
    """Apply Unicode case folding, which does more than lower-case: `ß` becomes `ss`."""
    return text.map_batches(_casefold, return_dtype=pl.String, is_elementwise=True)


def nfc(text: pl.Expr) -> pl.Expr:
    """Compose: one character for a letter and its accent."""
    return text.str.normalize("NFC")


def phone_digits(text: pl.Expr) -> pl.Expr:
    """Keep only the digits; a text without any stays as it is, since all such texts would otherwise be equal."""
    digits = text.str.replace_all("[^0-9]", "")
    return pl.when(digits == "").then(text).otherwise(digits)


def empty_as_null(text: pl.Expr) -> pl.Expr:
    """Replace a text without any characters by null."""
    return pl.when(text != "").then(text)


STEPS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    step.__name__: step for step in (trim, collapse_spaces, casefold, nfc, phone_digits, empty_as_null)
}


def normalised(text: pl.Expr, names: Sequence[str], where: Mapping[str, pl.Expr] | None = None) -> pl.Expr:
    """Apply the normalisers `names` in order; each one listed in `where` only to the rows selected there."""
    for name in names:
        step = STEPS[name](text)
        text = pl.when(where[name]).then(step).otherwise(text) if where and name in where else step
    return text


def normalised_sql(text: str, names: Sequence[str]) -> str:
    """The same as SQL, for a session prepared by `register_normalisers`."""
    if not names:
        return text
    of_ascii = text
    for name in names:
        of_ascii = OF_ASCII[name].format(of_ascii)
    # As many bytes as characters: the text is pure ASCII.
    other = f"when {text} is not null then {FUNCTION}({text}, '{','.join(names)}')"
    return f"case when strlen({text}) = length({text}) then {of_ascii} {other} end"


def register_normalisers(session: duckdb.DuckDBPyConnection) -> None:
    """Make polars' normalisers callable from the session's SQL, for texts that are not pure ASCII."""
    batches: Any = {"function": _of_batch, "type": "arrow"}
    session.create_function(FUNCTION, parameters=["VARCHAR", "VARCHAR"], return_type="VARCHAR", **batches)


def _of_batch(texts: Any, names: Any) -> Any:
    """Normalise texts by the list in the first of `names` (Arrow arrays; typed Any, since DuckDB reads annotations)."""
    if not len(texts):  # DuckDB asks for empty batches as well
        return texts
    frame = pl.DataFrame({"text": pl.from_arrow(texts)})
    return frame.select(normalised(pl.col("text"), names[0].as_py().split(","))).to_series().to_arrow()


def _casefold(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [None if text is None else text.casefold() for text in texts], dtype=pl.String)
