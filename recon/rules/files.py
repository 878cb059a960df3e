"""Suite files: YAML as plain objects, with the line on which each entry starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from errno import ENOENT, ENOTDIR
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from recon.errors import SuiteError, suggest
from recon.regular import MOST_NAMED_BYTES, read_regular
from recon.rules.repetition import repeated
from recon.rules.rule import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SUFFIXES = (".yaml", ".yml")
FOLDER = "a folder with suites (*.yaml)"
MOST_NESTED = 100
NESTING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
UNNESTING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
KEYS = ("name", "meta", "expectations", "id", "notes")
META_KEYS = ("notes", "overrides", "policies", "great_expectations_version")
SHAPE = "the keys name and expectations (a list)"


@dataclass(frozen=True)
class SuiteFile:
    """A suite as it is written.

    Attributes:
        content: In the form that Great Expectations takes: `ExpectationSuite(**content)`.
        lines: The line on which each expectation starts, in order.
    """

    path: Path
    content: dict[str, Any]
    lines: tuple[int, ...]
    is_shipped: bool = False

    @property
    def name(self) -> str:
        """The suite's name, else that of its file."""
        return str(self.content.get("name", self.path.stem))

    @property
    def entries(self) -> Iterator[tuple[int, Any]]:
        """Each expectation as it is written, with its line."""
        return zip(self.lines, self.content["expectations"], strict=True)

    @property
    def meta(self) -> Mapping[str, Any]:
        """The suite's metadata; empty where it has none."""
        return self.content.get("meta") or {}


def suite_paths(folder: Path) -> list[Path]:
    """The suite files of a folder, sorted by name.

    Raises:
        SuiteError: The folder does not exist or holds no suite; otherwise missing rules would go unnoticed.
    """
    try:
        paths = sorted(folder.iterdir())
    except (OSError, ValueError) as error:
        found = {ENOENT: "nothing", ENOTDIR: "a file"}.get(getattr(error, "errno", 0), str(error))
        raise SuiteError(
            "The folder of suites was not found", where=str(folder)[:300], expected=FOLDER, found=found
        ) from error
    suites = [path for path in paths if path.suffix in SUFFIXES]
    if not suites:
        found = ", ".join(path.name for path in paths[:5]) or "an empty folder"
        raise SuiteError("The folder holds no suite", where=str(folder), expected=FOLDER, found=found)
    return suites


def load_document(path: Path) -> dict[str, Any]:
    """Load a suite file in the form that Great Expectations takes: `ExpectationSuite(**document)`.

    Raises:
        SuiteError: The file is not YAML, or not a suite.
    """
    return read_suite(path).content


def read_suite(path: Path, *, is_shipped: bool = False) -> SuiteFile:
    """Read one suite file.

    Raises:
        SuiteError: The file cannot be read, is not YAML (with line and column), repeats a key, or is not a suite.
    """
    text = _text(path)
    return _read_shipped(path, text) if is_shipped else _suite(path, text)


@lru_cache
def _read_shipped(path: Path, text: str) -> SuiteFile:
    """Read a suite that came with recon, once: a process that verifies often reads the same every time.

    It must not be changed: what is to be handed on is loaded by `load_document`.
    """
    return replace(_suite(path, text), is_shipped=True)


def _suite(path: Path, text: str) -> SuiteFile:
    node, content = _parse(path, text)
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        raise SuiteError("This is no suite", where=str(path), expected=SHAPE, found=_shape(content))
    if not isinstance(content.get("meta") or {}, dict):
        raise SuiteError("The suite's meta is wrong", where=f"{path}, meta", expected="an object")
    _refuse_unknown(content, KEYS, str(path))
    _refuse_unknown(content.get("meta") or {}, META_KEYS, f"{path}, meta")
    # The last one counts: the pairs of a merge key come before the file's own.
    entries = [value for key, value in node.value if key.value == "expectations"][-1]
    lines = [entry.start_mark.line + 1 for entry in entries.value]
    written = zip(lines, content["expectations"], strict=True)
    each = [(line, entry) for line, whole in written for entry in repeated(whole, place(path, line))]
    content["expectations"] = [entry for _, entry in each]
    return SuiteFile(path, content, tuple(line for line, _ in each))


def _text(path: Path) -> str:
    try:
        return read_regular(path, MOST_NAMED_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise _unreadable(path, error) from error


def _parse(path: Path, text: str) -> tuple[Any, Any]:
    """The document as YAML nodes, which carry line numbers, and as plain objects."""
    try:
        _refuse_depth(path, text)
        loader = LOADER(text)
        try:
            node = loader.get_single_node()
            _refuse_repeated_keys(node, path)
            return node, None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unreadable(path, error) from error


def _refuse_depth(path: Path, text: str) -> None:
    """Refuse what is nested so deeply that its reader, which is no Python, would end the process.

    Raises:
        SuiteError: It is.
    """
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, NESTING) - isinstance(event, UNNESTING)
        if depth > MOST_NESTED:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise SuiteError(
                "A suite cannot be read",
                where=f"{path}:{line}",
                expected=f"at most {MOST_NESTED} lists and objects, one in another",
                found="more",
                next_step="Correct the file there",
            )


def _unreadable(path: Path, error: Exception) -> SuiteError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
    found = " ".join(str(getattr(error, "problem", None) or getattr(error, "strerror", None) or error).split())
    return SuiteError("A suite cannot be read", where=where, expected="YAML", found=found, next_step=_next_step(found))


def _next_step(found: str) -> str:
    if "mapping values are not allowed" in found:
        return "Put a text that holds a colon into quotes"
    return "Correct the file there"


def _refuse_repeated_keys(root: Any, path: Path) -> None:
    """Refuse repeated keys, of which YAML would silently take the last.

    Raises:
        SuiteError: A key is repeated; names the line of the second.
    """
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        # An alias leads to a node that was visited already, perhaps to one that contains it.
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _refuse_repetition(node, path)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _refuse_repetition(node: yaml.MappingNode, path: Path) -> None:
    names = set[str]()
    for key, _ in node.value:
        if str(key.value) in names:
            line = key.start_mark.line + 1
            raise SuiteError(
                "A key appears twice in one object",
                where=f"{path}:{line}",
                found=repr(key.value),
                next_step="Remove one of the two",
            )
        names.add(str(key.value))


def _refuse_unknown(keys: Iterable[Any], known: Sequence[str], where: str) -> None:
    """Refuse unknown keys: a misspelt one would have no effect, and go unnoticed.

    Raises:
        SuiteError: A key is unknown; names the one that was probably meant.
    """
    for key in keys:
        if key not in known:
            raise SuiteError(
                "A suite has a key that means nothing",
                where=where,
                expected=f"some of {', '.join(known)}",
                found=repr(key)[:60],
                next_step=suggest(str(key), known),
            )


def _shape(content: Any) -> str:
    if not isinstance(content, dict):
        return "nothing" if content is None else f"a {type(content).__name__}"
    return ", ".join(map(str, content)) or "an empty object"
