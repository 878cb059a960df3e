"""What guesses about causes are made of: the columns of differences as expressions, and a guess itself."""

from __future__ import annotations

import polars as pl
from msgspec import Struct

VALUE = "value"

source, target = pl.col("source"), pl.col("target")
has_source, has_target = pl.col("source_state") == VALUE, pl.col("target_state") == VALUE
source_moment, target_moment = pl.col("source_moment"), pl.col("target_moment")
is_text = pl.col("type") == "text"


class Guess(Struct, frozen=True):
    """A kind of cause, the condition that indicates it, and the text that differences of one group have in common."""

    name: str
    holds: pl.Expr
    detail: pl.Expr = pl.lit("")
