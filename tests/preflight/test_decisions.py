from __future__ import annotations

import fcntl
import json
import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.errors import DecisionError, OutputError, UsageError
from recon.preflight import decisions as module
from recon.preflight.decisions import (
    FILE_NAME,
    Decisions,
    Seen,
    decider,
    decisions_file,
    read_decisions,
    record_decision,
)

if TYPE_CHECKING:
    from pathlib import Path

ZOE = ("Zoë Alm", "zoe")
SEEN = Seen("./dry-run", "run-1", "ab" * 32)


def filled(folder: Path, number: int = 3) -> Path:
    path = decisions_file(folder)
    for n in range(number):
        record_decision(path, "review" if n % 2 else "signoff", ZOE, {"n": n, "words": "é\n\u2028"}, SEEN)
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three decisions, for tests that write it whole again."""
    return filled(tmp_path_factory.mktemp("three"))


def kinds(held: Decisions) -> list[str]:
    return [entry.kind for entry in held.entries]


def test_a_file_that_does_not_exist_holds_no_decisions(tmp_path: Path) -> None:
    held = read_decisions(decisions_file(tmp_path / "none"))
    assert (held.entries, held.torn, held.head) == ((), (), None)


def test_decisions_are_kept_in_order_with_who_when_and_what_they_saw(tmp_path: Path) -> None:
    path = filled(tmp_path / "made" / "on the way")
    held = read_decisions(path)
    first = held.entries[0]
    assert kinds(held) == ["signoff", "review", "signoff"]
    assert (first.by, first.account, first.seen, first.answers["n"]) == ("Zoë Alm", "zoe", SEEN, 0)
    assert first.at.tzinfo is not None
    assert (held.head, held.last("review")) == (held.entries[2].sha256, held.entries[1])
    assert held.last("signoff", "n") == held.entries[2]
    assert held.last("signoff", "other") is None
    assert held.last("notice") is None


def test_each_line_has_its_own_digest_and_that_of_the_line_before(tmp_path: Path) -> None:
    lines = filled(tmp_path).read_bytes().splitlines()
    documents = [json.loads(line) for line in lines]
    bodies = [line[: line.rindex(b',"sha256"')] + b"}" for line in lines]
    assert [each["sha256"] for each in documents] == [sha256(body).hexdigest() for body in bodies]
    assert [each["previous"] for each in documents] == [None, *(each["sha256"] for each in documents[:-1])]


def test_the_file_is_for_its_owner_and_the_group_that_the_umask_admits(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = filled(tmp_path, 1)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@given(st.data())
def test_no_change_of_a_byte_goes_unnoticed(three: Path, data: st.DataObject) -> None:
    content = bytearray(three.read_bytes())
    path = three.with_name(f"changed-{FILE_NAME}")
    at = data.draw(st.integers(0, len(content) - 2))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    path.write_bytes(content)
    with pytest.raises(DecisionError, match=r"not as it was written \(.*decisions.jsonl, line \d\)"):
        read_decisions(path)


@pytest.mark.parametrize("gone", [0, 1])
def test_a_line_that_was_removed_is_missed(tmp_path: Path, gone: int) -> None:
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[gone]
    path.write_bytes(b"".join(lines))
    with pytest.raises(DecisionError, match=rf"line {gone + 1}\): .* it does not follow the line before"):
        read_decisions(path)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 1, 1, 2)])
def test_lines_in_another_order_are_no_chain(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[at] for at in order))
    with pytest.raises(DecisionError, match="does not follow"):
        read_decisions(path)


@pytest.mark.parametrize(
    "added", [b"hello\n", b'{"kind":"review"}\n', b"{}\n", b"[1]\n", b'{"kind":"review"}', b"hello"]
)
def test_what_others_wrote_at_the_end_is_not_taken_for_a_line_that_was_cut_off(tmp_path: Path, added: bytes) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes() + added)
    with pytest.raises(DecisionError, match=r"line 4\): .*not written by recon"):
        read_decisions(path)
    with pytest.raises(DecisionError, match="line 4"):
        record_decision(path, "review", ZOE, {})
    assert path.read_bytes().endswith(added)


def test_every_cut_of_the_last_line_is_told_and_kept_and_followed(tmp_path: Path) -> None:
    whole = filled(tmp_path).read_bytes()
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    last = len(whole) - 1
    for cut in (start + 1, start + 5, start + 40, (start + last) // 2, last - 70, last - 1):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(whole[:cut])
        held = read_decisions(path)
        assert (kinds(held), held.torn) == (["signoff", "review"], (3,))
        made = record_decision(path, "signoff", ZOE, {})
        after = read_decisions(path)
        assert (kinds(after), after.torn, after.head) == (["signoff", "review", "signoff"], (), made.sha256)
        assert path.read_bytes().startswith(whole[:cut] + b"\n")


def test_a_cut_line_with_zeros_after_it_is_told_as_cut_off(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-30] + b"\0" * 30)
    assert read_decisions(path).torn == (3,)


def test_a_cut_line_that_is_changed_after_another_followed_is_noticed(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    record_decision(path, "review", ZOE, {})
    path.write_bytes(path.read_bytes().replace(b'"n":2', b'"n":3'))
    with pytest.raises(DecisionError, match="line 3"):
        read_decisions(path)


def test_a_whole_line_without_its_end_counts_and_is_followed(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    assert len(read_decisions(path).entries) == 3
    record_decision(path, "review", ZOE, {})
    assert len(read_decisions(path).entries) == 4


def test_several_who_decide_at_once_follow_each_other(tmp_path: Path) -> None:
    path = decisions_file(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: record_decision(path, "review", ZOE, {"n": n}), range(12)))
    assert sorted(entry.answers["n"] for entry in read_decisions(path).entries) == [*range(12)]


def test_a_lock_that_is_never_let_go_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(module, "LOCK_WAIT_S", 0.0)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DecisionError, match="held by another process"):
            record_decision(path, "review", ZOE, {})
        with pytest.raises(DecisionError, match="held by another process"):
            read_decisions(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_named(tmp_path: Path, make: object) -> None:
    path = tmp_path / FILE_NAME
    assert callable(make)
    make(path)
    with pytest.raises(DecisionError, match="not a file"):
        read_decisions(path)
    with pytest.raises(DecisionError, match="not a file"):
        record_decision(path, "review", ZOE, {})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not recorded"):
        record_decision(tmp_path / "file" / FILE_NAME, "review", ZOE, {})


def test_who_decides_is_named_or_has_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "jane")
    assert decider("  Jane \t Doe ") == ("Jane Doe", "jane")
    assert decider(None) == ("jane", "jane")
    assert decider("a\x1bb")[0] == "a\\x1bb"


@pytest.mark.parametrize("by", ["", "  ", "x" * 201])
def test_nobody_decides_nothing(by: str) -> None:
    with pytest.raises(UsageError, match="--by NAME"):
        decider(by)


def test_without_an_account_a_name_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", none)
    assert decider("Jane") == ("Jane", None)
    with pytest.raises(UsageError, match="--by NAME"):
        decider(None)
