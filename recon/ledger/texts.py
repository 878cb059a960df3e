"""Guesses how a text became another text."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from recon.ledger.guesses import Guess, has_source, has_target, is_text, source, target
from recon.ledger.readings import Misreadings
from recon.ledger.rewritings import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACE = r"[\s\u00a0\u200b\ufeff]"
LINE_ENDS = r"\r\n|[\r\u0085\u2028\u2029]"
# What a text holds that was rewritten or misread, on either side.
MARKED = r"[^\x00-\x7f]|[&<>\\'\"`%=?*_]|^[\d\s()+.,/-]+$|\d[eE]\+?\d"
PROVEN = {"text_cause": pl.String(), "text_detail": pl.String()}
ELLIPSIS = r"\s*(?:\.\.\.|…)$"


def with_proofs(differences: pl.DataFrame) -> pl.DataFrame:
    """Add text_cause and text_detail: how the target's text arose, proven by doing the same; null: not known."""
    is_marked = source.str.contains(MARKED) | target.str.contains(MARKED)
    pairs = differences.filter(is_text & has_source & has_target & is_marked).select("field", "source", "target")
    rows = list(_proven(pairs.unique(maintain_order=True)))
    proven = pl.DataFrame(rows, {**dict.fromkeys(pairs.columns, pl.String()), **PROVEN}, orient="row")
    return differences.join(proven, on=pairs.columns, how="left", maintain_order="left")


def _proven(pairs: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    misreadings = defaultdict[str, Misreadings](Misreadings)
    for field, came, holds in pairs.iter_rows():
        found = rewritten(came, holds)
        label = "" if found else misreadings[field].describe(came, holds)
        if label:
            found = ("encoding", label)
        if found:
            yield field, came, holds, *found


@cache
def textual() -> tuple[Guess, ...]:
    """Return the guesses; they read what `with_proofs` adds, and is_code: whether the field holds codes or keys."""
    mapping = (source, target)
    plain = [side.str.replace_all(f"{SPACE}+", "") for side in mapping]
    composed = [side.str.normalize("NFKC").str.replace_all(f"{SPACE}+", "") for side in mapping]
    folded = [side.str.to_lowercase() for side in composed]
    lines = [side.str.replace_all(LINE_ENDS, "\n") for side in mapping]
    trimmed = [side.str.replace_all(f"^{SPACE}+|{SPACE}+$", "") for side in lines]
    is_free = is_text & ~pl.col("is_code")
    cut = target.str.replace(ELLIPSIS, "")
    is_cut = (target.str.len_chars() < source.str.len_chars()) & (cut != "") & source.str.starts_with(cut)
    proofs = (
        Guess(name, is_text & (pl.col("text_cause") == name), pl.col("text_detail"))
        for name in (
            "encoding",
            "html_entities",
            "html_tags",
            "quoted",
            "escaped",
            "punctuation",
            "accents",
            "leading_zeros",
            "number_written",
        )
    )
    return (
        Guess("line_ends", is_free & (lines[0] == lines[1])),
        Guess("blanks_at_ends", is_free & (trimmed[0] == trimmed[1])),
        Guess("whitespace", is_text & (plain[0] == plain[1])),
        Guess("unicode_form", is_text & (composed[0] == composed[1])),
        Guess("case", is_text & (folded[0] == folded[1])),
        Guess("joined", is_text & pl.col("joined_with").is_not_null(), pl.col("joined_with")),
        Guess("divided", is_text & pl.col("divided_with").is_not_null(), pl.col("divided_with")),
        *proofs,
        Guess("truncated", is_text & is_cut, target.str.len_chars().cast(pl.String)),
    )
