"""Recognises what a file or folder is, among backups and what people take for one."""

from __future__ import annotations

import gzip
import re
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.backup.folder import STATEMENT
from recon.backup.manifest import MANIFEST
from recon.errors import BackupError

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 8192


@dataclass(frozen=True)
class Form:
    """What was recognised.

    Attributes:
        kind: "postgresql", "mysql", "sqlite" or "duckdb"; "recon": a backup of recon's own, with a manifest;
            "statement": a provider's snapshot that was recorded; "": none.
        name: Its form, e.g. "custom"; for a kind of "", what it is instead.
        next_step: What to do about what is none; empty otherwise.
    """

    kind: str
    name: str
    next_step: str = ""


CUSTOM = "pg_dump --format=custom"
TAR = "a tar dump, in which damage goes unnoticed and on which pg_restore hangs where it is cut"
UNPACK = "Unpack it first"
UNKNOWN = Form(
    "",
    "neither a dump of pg_dump, mysqldump or mariadb-dump nor a SQLite or DuckDB file",
    "Name the file or folder of a backup",
)
SIGNS = tuple(
    (re.compile(pattern, re.DOTALL | re.MULTILINE), form)
    for pattern, form in (
        (rb"\A\Z", Form("", "an empty file", "Make another backup: recon backup create")),
        (rb"\APGDMP", Form("postgresql", "custom")),
        (rb"\ASQLite format 3\x00", Form("sqlite", "file")),
        (rb"\A.{8}DUCK", Form("duckdb", "file")),
        (rb"\A.{257}ustar", Form("", TAR, f"Make one by {CUSTOM}, or by recon backup create")),
        (rb"\APK\x03\x04", Form("", "a zip archive", UNPACK)),
        (rb"\A\x28\xb5\x2f\xfd", Form("", "compressed by zstd", UNPACK)),
        (rb"\A\xfd7zXZ\x00", Form("", "compressed by xz", UNPACK)),
        (rb"\ABZh", Form("", "compressed by bzip2", UNPACK)),
        (rb"\A\x04\x22\x4d\x18", Form("", "compressed by lz4", UNPACK)),
        (rb"^-- PostgreSQL database cluster dump", Form("", "a dump of a whole server (pg_dumpall)", f"Use {CUSTOM}")),
        (rb"^-- PostgreSQL database dump", Form("postgresql", "")),
        (rb"^-- (?:MySQL|MariaDB) dump ", Form("mysql", "")),
    )
)


def recognise(path: Path) -> Form:
    """Tell what `path` is.

    Raises:
        BackupError: It cannot be read.
    """
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except OSError as error:
        raise BackupError(
            "The backup cannot be read",
            where=str(path)[:300],
            found=error.strerror or str(error),
            next_step="Check its path and its rights",
        ) from error


def _folder(path: Path) -> Form:
    names = {each.name for each in path.iterdir()}
    if MANIFEST in names:
        return Form("recon", "with a manifest")
    if STATEMENT in names:
        return Form("statement", "recorded")
    if "toc.dat" in names:
        return Form("postgresql", "directory")
    if names & {"toc.dat.gz", "toc.dat.lz4", "toc.dat.zst"}:
        return Form("", "an archive of pg_dump whose table of contents was compressed", f"Make one by {CUSTOM}")
    if {"PG_VERSION", "backup_label"} & names or "base.tar" in names or "base.tar.gz" in names:
        return Form("", "a copy of a whole server (pg_basebackup)", "Check it by pg_verifybackup")
    return Form("", "a folder that holds no backup", "Name the folder that has manifest.json or toc.dat in it")


def _file(path: Path) -> Form:
    if not stat.S_ISREG(path.stat().st_mode):
        return Form("", "neither a file nor a folder", UNKNOWN.next_step)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"\x1f\x8b"):
        return _unpacked(path)
    return _of_head(head, "plain")


def _unpacked(path: Path) -> Form:
    try:
        with gzip.open(path) as file:
            head = file.read(HEAD_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return Form("", f"compressed by gzip, and damaged: {error}", "Take another copy of it")
    found = _of_head(head, "plain, gzip")
    if not found.kind or found.name == "plain, gzip":
        return found
    return Form("", f"a backup ({found.name}) that was compressed by gzip", "Unpack it first: gunzip FILE")


def _of_head(head: bytes, plain: str) -> Form:
    """Recognise a file by its first bytes; `plain` is the name of the form if these are text."""
    found = next((form for pattern, form in SIGNS if pattern.search(head)), UNKNOWN)
    return Form(found.kind, plain) if found.kind and not found.name else found
