"""What a person has to see to in a file of accepted differences, one sentence for each kind and check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.model import Check
    from recon.rules.acceptance.matches import EntryMatches

MOST_NAMED = 3
MOST_TOLD = 10


def problems(matches: EntryMatches, checks: Sequence[Check]) -> Iterator[str]:
    """The sentences: what has expired, lacks approval, is exceeded, is unused, or contradicts something."""
    yield from _each(matches, matches.expired, "expired and {accept} nothing")
    yield from _each(matches, matches.unapproved, "{accept} nothing without approved_by, another person than the owner")
    for number, found in matches.exceeded.items():
        entry = matches.file.entries[number - 1]
        yield f"{_named(matches, [number])} accepts none: {found:,} found of at most {entry.maximum:,}"
    yield from _each(matches, _unused(matches, checks), "{name} nothing that was found")
    for numbers in matches.contradicting[:MOST_TOLD]:
        yield f"{_named(matches, numbers)} are about the same and contradict each other"
    more = len(matches.contradicting) - MOST_TOLD
    if more > 0:
        yield f"{matches.file.path}: entries contradict each other in {more:,} more cases"
    for number, others in matches.disagreeing.items():
        counts = _form(others, "counts for what it names", "count for what they name")
        yield f"{_named(matches, [number])} contradicts {_numbers(others)}, which {counts}"


def _unused(matches: EntryMatches, checks: Sequence[Check]) -> Iterator[int]:
    """The entries that count and name nothing; what a check would find that was not evaluated is not known."""
    unknown = {check.id for check in checks if check.outcome is Outcome.ERROR or check.violation_count is None}
    idle = {*matches.expired, *matches.unapproved, *matches.used}
    for number, entry in enumerate(matches.file.entries, 1):
        if number not in idle and entry.check not in unknown:
            yield number


def _each(matches: EntryMatches, numbers: Iterable[int], words: str) -> Iterator[str]:
    """One sentence for each check."""
    by_check: dict[str, list[int]] = {}
    for number in numbers:
        by_check.setdefault(matches.file.entries[number - 1].check, []).append(number)
    for listed in by_check.values():
        verbs = {"accept": _form(listed, "accepts", "accept"), "name": _form(listed, "names", "name")}
        yield f"{_named(matches, listed)} {words.format(**verbs)}"


def _named(matches: EntryMatches, numbers: Sequence[int]) -> str:
    """The file, the entries, and what the first is about."""
    file = matches.file
    if len(numbers) == 1:
        return f"{file.place(numbers[0])} ({file.entries[numbers[0] - 1].subject})"
    return f"{file.path}, {_numbers(numbers)} ({file.entries[numbers[0] - 1].check})"


def _numbers(numbers: Sequence[int]) -> str:
    shown, more = numbers[:MOST_NAMED], len(numbers) - MOST_NAMED
    listed = ", ".join(map(str, shown))
    return f"{_form(numbers, 'entry', 'entries')} {listed}{f' and {more:,} more' if more > 0 else ''}"


def _form(numbers: Sequence[int], singular: str, plural: str) -> str:
    return singular if len(numbers) == 1 else plural
