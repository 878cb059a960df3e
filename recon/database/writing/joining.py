"""Which rows refer to which, by a join on the server: there, different literals may be equal (citext, char(n))."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

JOIN = """\
select {chosen} from (select {child_columns} from {child}) as recon_child
join (select {parent_columns} from {parent} where {where}) as recon_parent on {equal}"""


def joined(
    child: str,
    parent: str,
    where: str,
    keys: tuple[Sequence[str], Sequence[str]],
    compared: Sequence[tuple[str, str]],
) -> str:
    """Return the statement that selects the keys of child and parent of each pair of rows.

    Args:
        child: The table whose rows refer, as `TargetTable.sql`.
        parent: The table that they refer to.
        where: The condition on the parents.
        keys: The expressions to select of each.
        compared: The expressions of child and parent that are equal where one refers to the other.
    """
    number = count()
    of_child, of_parent = ([(f"k{next(number)}", each) for each in side] for side in keys)
    ours = [(f"r{next(number)}", each) for each, _ in compared]
    theirs = [(f"r{next(number)}", each) for _, each in compared]
    return JOIN.format(
        chosen=", ".join(
            [f"recon_child.{name}" for name, _ in of_child] + [f"recon_parent.{name}" for name, _ in of_parent]
        ),
        child_columns=_named(of_child + ours),
        child=child,
        parent_columns=_named(of_parent + theirs),
        parent=parent,
        where=where,
        equal=" and ".join(
            f"recon_child.{our} = recon_parent.{their}" for (our, _), (their, _) in zip(ours, theirs, strict=True)
        ),
    )


def _named(expressions: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{expression} as {name}" for name, expression in expressions)
