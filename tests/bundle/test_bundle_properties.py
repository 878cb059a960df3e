"""Whatever lies in a bundle, recon ends in a verdict or in one of its own errors."""

from __future__ import annotations

import json
import re
import unicodedata
from contextlib import nullcontext, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from soaking import examples

import recon
from recon.bundle import Bundle, frames, open_bundle
from recon.bundle.formats import RecordHead
from recon.bundle.jsonfile import mend_halves
from recon.demo import generate, write_bundle, write_sqlite
from recon.errors import BundleError
from recon.report.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPORT, POLICIES, CONFIG = "migration-report.json", "policy-bundle.json", "migration-config.json"
SECTIONS = [
    "# Post-Migration Verification",
    "## Summary",
    "## Count Comparison",
    "## Record Ledger",
    "## Tier Distribution",
    "## Verification Checks",
    "## Policy Verification",
    "## What Failed",
]
NASTY = [
    "",
    " ",
    "\0",
    "run\0id",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\u202egnp.exe",
    "a\u2028b\u2029c\x85d",
    "line\nbreak\r\n## Summary",
    "| a | b |\n|---|---|",
    "<script>alert(1)</script>",
    "[link](javascript:x) `code` **bold** ~~gone~~",
    "'; drop table source.run; --",
    "{expected} {missing} {0} {}",
    "%s %(x)s ${HOME} \\u00e9",
    "érica@example.org",
    "\x01a@example.org",
    "+1 805-555-0123",
    "[2147]",
    "x" * 5000,
    "😀" * 40,
    "NaN",
    "2024-01-15T14:28:00Z",
    "0001-01-01T00:00:00+14:00",
]
HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
ZERO_WIDTH_SPACE = "\u200b"  # what keeps data at the start of a Markdown line from being markup
NUMBERS = [0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**40, 0.5, 1.0, -0.0, 1e300]

texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
not_blank = texts.filter(str.strip)
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


json_values = nested(scalars)
values = nested(scalars | st.floats())  # NaN and infinities too, which some programs write as if they were JSON


@dataclass(frozen=True)
class Club:
    """A tiny club on disk; its bundle is overwritten by each example."""

    folder: Path
    database: Path
    documents: dict[str, Any] = field(repr=False)

    def write(self, **contents: bytes) -> None:
        """Bring the bundle back to what it was, but for the named files ("report", "policies", "config")."""
        for key, name in (("report", REPORT), ("policies", POLICIES), ("config", CONFIG)):
            (self.folder / name).write_bytes(contents.get(key) or json.dumps(self.documents[key]).encode())


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Club:
    made, home = generate(7, members=10, events=4, registrations=10), tmp_path_factory.mktemp("club")
    report = deepcopy(made.report)
    report["errors"] = [{"entity": "member", "sourceRow": 4, "message": "Missing email", "waId": "WA003"}]
    documents = {"report": report, "policies": made.policies, "config": made.config}
    return Club(write_bundle(made, home / "bundle"), write_sqlite(made, home / "club.db"), documents)


def opened(folder: Path) -> Bundle | None:
    """The bundle, or None where it is refused in words that help."""
    try:
        bundle = open_bundle(folder)
    except BundleError as error:
        assert_helpful(error, folder)
        return None
    for frame in frames(bundle).values():
        assert frame.columns
    return bundle


def assert_helpful(error: BundleError, folder: Path) -> None:
    assert str(folder) in (error.where or "")
    assert all((error.what, error.expected, error.found, error.next_step))
    assert "\n" not in error.message
    assert len(error.message.replace(str(folder), "")) < 1000


def judge(club: Club) -> recon.Verification | None:
    """Verify as the command line does, and render every report."""
    shown = StringIO()
    options = recon.VerifyOptions(bundle=club.folder, database=str(club.database), allow_dry_run=True)
    try:
        with redirect_stdout(shown):
            console = Console(verbose=True)
            verification = recon.verify(options, console)
            console.finished(verification, "report.md")
    except recon.ReconError:
        return None
    assert_harmless(shown.getvalue())
    for check in verification.checks:
        assert not check.message.startswith("Not evaluated"), check.message
    assert_rendered(verification)
    return verification


def assert_rendered(verification: recon.Verification) -> None:
    texts = {name: report_format.render(verification) for name, report_format in recon.FORMATS.items()}
    for text in texts.values():
        text.encode("utf-8")
    document = json.loads(texts["json"], parse_constant=pytest.fail)
    assert document["runId"] == verification.run_id
    assert document["passed"] == (verification.verdict == "PASSED")
    assert_harmless(texts["markdown"])
    assert [line for line in texts["markdown"].splitlines() if re.match(r"##? ", line)] == SECTIONS


def assert_harmless(text: str) -> None:
    """No line break, control or direction character that came from data."""
    assert {c for c in text if unicodedata.category(c) in HARMFUL} <= {"\n", ZERO_WIDTH_SPACE}


def places(value: object, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything inside a document, and of the document itself."""
    yield here
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from places(child, (*here, step))


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any], *, same_type: bool = False) -> dict[str, Any]:
    """The document with one to three values replaced, or their keys deleted."""
    changed = deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in places(changed) if path]))
        parent, last = at(changed, path[:-1]), path[-1]
        if draw(st.integers(0, 5)) == 0:
            del parent[last]
        else:
            parent[last] = draw(like(parent[last]) if same_type else values)
        if not changed:
            break
    return changed


def like(value: object) -> st.SearchStrategy[Any]:
    """Values of the same JSON type, so that most of them are accepted."""
    match value:
        case bool():
            return st.booleans()
        case int() | float():
            return st.sampled_from([0, 1, 2, 10, 2**31, 2**53 - 1]) | st.integers(0, 50)
        case str():
            return texts
        case list():
            return st.lists(st.sampled_from(value), max_size=6) if value else st.just([])
        case _:
            return values


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Valid bytes that were cut, or in which some were replaced."""
    start = draw(st.integers(0, len(data)))
    if draw(st.booleans()):
        return data[:start]
    return data[:start] + draw(st.binary(min_size=1, max_size=6)) + data[start + draw(st.integers(0, 8)) :]


def entity_reports() -> st.SearchStrategy[dict[str, Any]]:
    count = st.integers(0, 30) | st.just(2**53 - 1)
    record = st.dictionaries(texts.filter(lambda key: not key.startswith("_")), json_values, max_size=3)
    records = st.none() | st.just("[30]") | st.lists(record, max_size=3)
    return st.fixed_dictionaries(
        {"created": count, "updated": count},
        optional={"totalRows": count, "parsed": count, "skipped": count, "errors": count, "records": records},
    )


def reports() -> st.SearchStrategy[dict[str, Any]]:
    """Documents of the report's shape, with anything that is allowed in it."""
    wa_ids = texts | st.integers(0, 5) | st.just(10**40)
    problem = st.fixed_dictionaries(
        {"entity": st.sampled_from(["member", "event", "system"]) | texts, "message": texts},
        optional={"sourceRow": st.integers(0, 50), "waId": wa_ids},
    )
    mapping = st.fixed_dictionaries({}, optional={"waId": wa_ids, "murmurantId": texts, "clubosId": texts})
    return st.fixed_dictionaries(
        {
            "runId": not_blank | st.just("run-20240115-143000"),
            "dryRun": st.booleans(),
            "members": entity_reports(),
            "events": entity_reports(),
            "registrations": entity_reports(),
        },
        optional={
            "completedAt": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
            "errors": st.lists(problem, max_size=4),
            "idMapping": st.dictionaries(
                st.sampled_from(["members", "events"]) | texts, st.lists(mapping, max_size=4), max_size=3
            ),
        },
    )


def policies() -> st.SearchStrategy[dict[str, Any]]:
    policy = st.fixed_dictionaries(
        {"key": not_blank, "value": texts | json_values},
        optional={"source": texts, "required": st.booleans(), "validationError": st.none() | texts},
    )
    return st.fixed_dictionaries({"policies": st.lists(policy, max_size=5)})


def encoded(document: object) -> bytes:
    """As a file's bytes; NaN and infinities stay as they are."""
    return json.dumps(document).encode()


# A verification takes a tenth of a second or more: too long to look for the smallest example of a failure.
VERIFICATIONS = settings(max_examples=examples(12), phases=[Phase.explicit, Phase.generate])


@settings(max_examples=examples(200))
@given(document=values)
@pytest.mark.parametrize("key", ["report", "policies", "config"])
def test_any_json_document_is_a_bundle_or_a_bundle_error(club: Club, key: str, document: object) -> None:
    club.write(**{key: encoded(document)})
    bundle = opened(club.folder)
    assert bundle is None or isinstance(document, dict)


@settings(max_examples=examples(200))
@given(data=st.data())
@pytest.mark.parametrize("key", ["report", "policies"])
def test_any_change_of_a_valid_document_is_a_bundle_or_a_bundle_error(
    club: Club, key: str, data: st.DataObject
) -> None:
    club.write(**{key: encoded(data.draw(mutated(club.documents[key])))})
    bundle = opened(club.folder)
    assert bundle is None or bundle.run_id.strip()


@settings(max_examples=examples(200))
@given(data=st.data())
@pytest.mark.parametrize("key", ["report", "policies", "config"])
def test_any_bytes_are_a_bundle_or_a_bundle_error(club: Club, key: str, data: st.DataObject) -> None:
    valid = encoded(club.documents[key])
    club.write(**{key: data.draw(st.binary(min_size=1) | damaged(valid))})
    bundle = opened(club.folder)
    assert bundle is None or bundle.path == club.folder


@VERIFICATIONS
@given(data=st.data())
def test_a_changed_bundle_is_verified_and_reported_or_refused(club: Club, data: st.DataObject) -> None:
    changed = {key: data.draw(mutated(club.documents[key], same_type=True)) for key in ("report", "policies")}
    club.write(**{key: encoded(document) for key, document in changed.items()})
    verification = judge(club) if opened(club.folder) else None
    assert verification is None or verification.run_id == changed["report"]["runId"]


@VERIFICATIONS
@given(report=reports(), declared=policies())
def test_a_bundle_of_anything_that_is_allowed_is_verified_and_reported(
    club: Club, report: dict[str, Any], declared: dict[str, Any]
) -> None:
    club.write(report=encoded(report), policies=encoded(declared))
    assert opened(club.folder)
    verification = judge(club)
    assert verification
    assert (verification.run_id, len(verification.policies)) == (report["runId"], len(declared["policies"]))


# Texts of JSON as they are written: halves of characters, pairs, and what only looks like them.
ESCAPES = (r"\ud83d", r"\ude00", r"\uD83D", r"\uDe00", r"\udbff", r"\uDC00", r"\ud7ff", r"\ue000", r"\u0000")
ESCAPED = st.lists(st.sampled_from((*ESCAPES, r"\\", r"\\ud83d", r"\"", "ud83d", "a", "é")), max_size=6).map("".join)


@settings(max_examples=examples(200))
@given(texts=st.lists(ESCAPED, min_size=1, max_size=3))
def test_half_a_character_is_all_that_is_replaced(texts: list[str]) -> None:
    document = "[" + ",".join(f'"{text}"' for text in texts) + "]"
    mended = bytearray(document.encode())
    offsets, count = mend_halves(mended)
    read = json.loads(document)
    assert json.loads(mended) == ["".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text) for text in read]
    assert count == sum(any("\ud800" <= c <= "\udfff" for c in text) for text in read)
    assert len(offsets) == sum("\ud800" <= c <= "\udfff" for text in read for c in text)
    # A text is searched only where the parser refuses it, which it does for what it skips as well.
    for skipped, kind in ((f'{{"skipped": {document}}}', RecordHead), (document, msgspec.Raw)):
        with pytest.raises(msgspec.DecodeError) if count else nullcontext():
            msgspec.json.decode(skipped, type=kind)
