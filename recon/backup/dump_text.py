"""Reads the SQL that pg_dump and pg_restore write, as a stream: rows of each COPY block, and what must not be in it.

The text is taken apart as psql does it: strings, quoted names, dollar quotes, comments, and commands of psql's own.
"""

from __future__ import annotations

import re
from functools import partial
from hashlib import sha256
from typing import IO, TYPE_CHECKING

from recon.backup.contents import BackupReading, TableContent, as_text, table_name

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPLETE = b"-- PostgreSQL database dump complete"
# A row of COPY is at most 1 GB long: a longer line is none, and not held in memory as a whole.
LONGEST_LINE = (1 << 30) + 1
KEPT_OF_STATEMENT = 1 << 18
SHOWN = 5
IDENTIFIER = rb'(?:"(?:[^"]|"")*"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*)'
NAME = IDENTIFIER + rb"(?:\s*\.\s*" + IDENTIFIER + rb")*"
COPY = re.compile(
    rb"COPY\s+(" + NAME + rb")\s*(?:\(\s*(" + IDENTIFIER + rb"(?:\s*,\s*" + IDENTIFIER + rb")*)?\s*\)\s*)?"
    rb"\s*FROM\s+stdin\b\s*(.*?);\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
INSERT = re.compile(rb"INSERT\s+INTO\s+(" + NAME + rb")", re.IGNORECASE)
TOKEN = re.compile(
    rb"[eE]'|[A-Za-z_\x80-\xff][\w$\x80-\xff]*|--|/\*|'|\"|\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$|\\|;"
)
ENDS = {b"'": re.compile(rb"'"), b"E'": re.compile(rb"\\.?|'", re.DOTALL), b'"': re.compile(rb'"')}
IN_COMMENT = re.compile(rb"/\*|\*/")
META = re.compile(rb"\\(\S{0,30})")
ALLOWED_META = (b"restrict", b"unrestrict")
# Statements that leave the transaction or the database that a backup is restored into, or that run programs; and those
# after which psql would read the text in another way than it is read here. pg_dump writes none of them into a backup
# of one database; BEGIN and COMMIT are around its large objects.
BEYOND = re.compile(
    rb"(?:START|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION|DO|LOAD|VACUUM"
    rb"|ALTER\s+(?:SYSTEM|ROLE|USER|GROUP|DATABASE)|(?:CREATE|DROP)\s+(?:ROLE|USER|GROUP|DATABASE|TABLESPACE)"
    rb"|COPY\b.*\bPROGRAM|SET\s+(?:SESSION\s+|LOCAL\s+)?standard_conforming_strings\s*(?:=|TO)\s*(?!'?on\b)"
    rb"|SET\s+(?:SESSION\s+|LOCAL\s+)?client_encoding\s*(?:=|TO)\s*'?(?:SJIS|BIG5|GBK|UHC|GB18030|JOHAB|SHIFT)"
    rb")\b|SET\s+NAMES\b",
    re.IGNORECASE | re.DOTALL,
)


def read_dump(stream: IO[bytes]) -> BackupReading:
    """Read a dump to its end."""
    return DumpReader(stream).read()


class DumpReader:
    """One pass over the lines; `_open` is the quote, tag or comment that a line ends within, None between them."""

    longest_kept = KEPT_OF_STATEMENT
    """Bytes of a statement that are kept; what is read for its rows alone needs its beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: Iterator[bytes] = iter(partial(stream.readline, LONGEST_LINE), b"")
        self._found = BackupReading()
        self._number = 0
        self._open: bytes | None = None
        self._comments = 0
        self._statement = bytearray()
        self._words: list[bytes] = []
        self._blocks = 0

    def read(self) -> BackupReading:
        """Read to the end."""
        for line in self._lines:
            self._number += 1
            self._read_line(line)
        if self._open is not None or self._statement.strip():
            self._found.faults.append(f"it ends within a statement, at line {self._number:,}")
        return self._found

    def _read_line(self, line: bytes) -> None:
        at = 0
        while at < len(line):
            at = self._outside(line, at) if self._open is None else self._inside(line, at, self._open)

    def _outside(self, line: bytes, at: int) -> int:
        """Read up to the end of a statement, the beginning of a quote, or the end of the line."""
        token = TOKEN.search(line, at)
        if token is None:
            return self._keep(line, at, len(line))
        text = token[0]
        if text == b"--":
            self._keep(line, at, token.start())
            self._found.is_complete |= line.startswith(COMPLETE, token.start())
            return len(line)
        if text == b"\\":
            self._keep(line, at, token.start())
            self._meta(line, token.start())
            return len(line)
        if text == b"/*":
            self._keep(line, at, token.start())
            self._open, self._comments = text, 1
            return token.end()
        self._keep(line, at, token.end())
        if text == b";":
            self._end_statement()
        elif text[:1] in b"'\"$" or text[-1:] == b"'":
            self._open = text.upper() if text[-1:] == b"'" else text
        else:
            self._word(text.upper())
        return token.end()

    def _inside(self, line: bytes, at: int, opened: bytes) -> int:
        if opened == b"/*":
            return self._in_comment(line, at)
        if opened in ENDS:
            end = ENDS[opened].search(line, at)
            if end is None:
                return self._keep(line, at, len(line))
            self._keep(line, at, end.end())
            if end[0][:1] != b"\\":
                # A doubled quote is a quote within the text, and the text goes on by the same rules.
                doubled = opened == b"E'" and line[end.end() : end.end() + 1] == b"'"
                if doubled:
                    return self._keep(line, end.end(), end.end() + 1)
                self._open = None
            return end.end()
        found = line.find(opened, at)
        if found < 0:
            return self._keep(line, at, len(line))
        self._open = None
        return self._keep(line, at, found + len(opened))

    def _in_comment(self, line: bytes, at: int) -> int:
        token = IN_COMMENT.search(line, at)
        if token is None:
            return len(line)
        self._comments += 1 if token[0] == b"/*" else -1
        if self._comments == 0:
            self._open = None
        return token.end()

    def _keep(self, line: bytes, start: int, end: int) -> int:
        if len(self._statement) < self.longest_kept:
            self._statement += line[start:end]
        return end

    def _word(self, word: bytes) -> None:
        """Follow the body of a function in standard SQL, whose statements end with semicolons of their own."""
        if self._words and word in (b"CASE", b"END"):
            self._words = [*self._words, word] if word == b"CASE" else self._words[:-1]
        elif word == b"ATOMIC" and re.search(rb"\bBEGIN\s+ATOMIC\Z", self._statement, re.IGNORECASE):
            self._words = [word]

    def _end_statement(self) -> None:
        if self._words:
            return
        statement = bytes(self._statement).strip()
        self._statement.clear()
        self._read_statement(statement)

    def _read_statement(self, statement: bytes) -> None:
        if BEYOND.match(statement):
            self._note(" ".join(_text(statement).split()[:3])[:60])
        elif copy := COPY.fullmatch(statement):
            self._copy(copy)
        elif insert := INSERT.match(statement):
            name = name_of(insert[1])
            if name not in self._found.not_counted:
                self._found.not_counted.append(name)

    def _meta(self, line: bytes, at: int) -> None:
        found = META.match(line, at)
        command = found[1] if found else b""
        if command not in ALLOWED_META or self._statement.strip():
            self._note("\\" + _text(command))

    def _note(self, text: str) -> None:
        if len(self._found.commands) < SHOWN:
            self._found.commands.append(f"{text} at line {self._number:,}")

    def _copy(self, copy: re.Match[bytes]) -> None:
        """Read the rows of a block up to the line that ends it."""
        name, begun = name_of(copy[1]), self._number
        columns = tuple(_names(copy[2] or b""))
        is_ended, rows, total, odd = False, 0, 0, 0
        read, hashed, tabs = int.from_bytes, sha256, max(0, len(columns) - 1)
        for line in self._lines:
            if line[:2] == b"\\." and line.rstrip(b"\r\n") == b"\\.":
                is_ended = True
                break
            total += read(hashed(line).digest(), "big")
            rows += 1
            odd += line.count(b"\t") != tabs
        self._number += rows + is_ended
        if not is_ended:
            self._found.faults.append(f"the rows of {name}, which begin at line {begun:,}, have no end")
        if copy[3].strip():
            self._found.not_counted.append(name)
            return
        if odd and copy[2]:
            self._found.faults.append(f"{odd:,} rows of {name} have another number of columns than {len(columns)}")
        before = self._found.tables.get(name)
        # A table may come in several blocks, e.g. where the rows of all partitions go through their root.
        digest = as_text(total + int((before and before.digest) or "0", 16))
        self._found.tables[name] = TableContent(rows + (before.rows if before else 0), digest, columns)


def name_of(text: bytes) -> str:
    """The name of a table, as a manifest spells it, given as SQL spells it."""
    return table_name(*_parts(text))


def _parts(text: bytes) -> list[str]:
    return [_identifier(part) for part in re.findall(IDENTIFIER, text)]


_names = _parts


def _identifier(text: bytes) -> str:
    name = _text(text)
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _text(text: bytes) -> str:
    return text.decode(errors="backslashreplace")
