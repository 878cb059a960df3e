"""Mutations of bundles and archives: what a careless copy, a broken program or a hostile sender makes of one."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import struct
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

REPORT, POLICIES, CONFIG = "migration-report.json", "policy-bundle.json", "migration-config.json"
NUMBERS: tuple[str, ...] = (
    "0",
    "-1",
    "-0",
    "1e999",
    "-1e999",
    "1e-999",
    "9" * 30,
    "9" * 5000,
    "0.1",
    "2147483648",
    "9007199254740993",
)
NUMBERS += (
    "18446744073709551616",
    "-9223372036854775809",
    "01",
    "1.",
    ".5",
    "+1",
    "0x10",
    "NaN",
    "Infinity",
    "-Infinity",
)
TEXTS: tuple[str, ...] = (
    '""',
    '" "',
    r'"\u0000"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\u202e\u2028"',
    '"../../canary"',
    '"/dev/null"',
)
TEXTS += ('"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"', '"24:00"', '"[99999999999999999999]"', '"[2]"')
TEXTS += (
    r'"\x00"',
    '"\x01"',
    "'single'",
    '"' + "x" * 70_000 + '"',
    '"CON"',
    '"a\\\\b/c"',
    '"~"',
    '"C:\\\\members.csv"',
)
SHAPES = ("null", "true", "false", "[]", "{}", "[[]]", '[{"a": 1}]', '{"": {"": null}}', "[null]", '["x"]', "[1, [2]]")
PIECES: tuple[bytes, ...] = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc3",
    b'"',
    b"\\",
    b"{",
    b"]",
    b",",
    b"\r",
    b"\x1b[31m",
)
PIECES += (b"\n", b"\t", b" " * 4096, b"9" * 400, b"[" * 5000, b'{"a":' * 5000, b"\x85", b"\x1f\x8b", b"PK\x05\x06")
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1252", "latin-1", "utf-7", "cp037")
LEADING_OUT: tuple[str, ...] = (
    "../{}",
    "../../canary/{}",
    "a/../../{}",
    "..\\..\\canary\\{}",
    "/{}",
    "{canary}/{}",
    "C:\\{}",
    "C:{}",
    "./{}",
)
LEADING_OUT += (
    "a//{}",
    "//host/{}",
    "\\\\host\\{}",
    "{}/",
    "{}\0x",
    "..",
    ".",
    "/",
    "",
    "a/{}/../{}",
    "~/{}",
    "{}.",
    " {}",
)
CELLS = (
    '"',
    '""',
    '"a',
    'a"b',
    '"a""',
    "\0",
    "\r",
    "\n",
    '"\n"',
    "=1+1",
    "x" * 140_000,
    "é",
    "\x1a",
    "'",
    "\\",
    ",,,,",
    "\ufeff",
)
SEPARATORS = (",", ";", "\t", "|", ":", "\x1f", ",,", "")


def damage(rng: Random, data: bytes, *, near: Sequence[int] = ()) -> bytes:
    """Flip, cut, insert, delete or repeat a few bytes, at the places given or anywhere."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        length = len(changed)
        at = min(rng.choice(near), length) if near and rng.random() < 0.7 else rng.randint(0, length)
        kind = rng.randrange(7)
        if kind == 0 and at < length:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + 1] = rng.randbytes(1)
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            changed[at:at] = rng.choice(PIECES) if rng.random() < 0.7 else rng.randbytes(rng.randint(1, 40))
        elif kind == 4:
            del changed[at : at + rng.choice((1, 2, 17, 500))]
        elif kind == 5:
            changed[at:at] = changed[at : at + rng.choice((1, 30, 700))]
        else:
            size = rng.choice((2, 4, 8))
            changed[at : at + size] = rng.choice((b"\0", b"\xff", b"\x7f")) * size
    return bytes(changed)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [here]
    for step, child in children:
        found += places(child, (*here, step))
    return found


def odd_json(rng: Random, data: bytes) -> bytes:
    """Replace, drop, rename or repeat values of a document; what replaces them may be no JSON at all."""
    document = json.loads(data)
    marks: dict[str, str] = {}
    for number in range(rng.choice((1, 1, 2, 4))):
        # The upper places are few and matter most.
        every = [path for path in places(document) if path]
        few = [path for path in every if len(path) <= 2]
        path = rng.choice(few if few and rng.random() < 0.6 else every or [()])
        if not path:
            break
        parent = document
        for step in path[:-1]:
            parent = parent[step]
        kind = rng.randrange(6)
        if kind == 0:
            del parent[path[-1]]
        elif kind == 1 and isinstance(parent, dict):
            parent[rng.choice(("", "\0", "_sourceRow", "x" * 300, "RunId", "🙂", "a.b[0]"))] = parent[path[-1]]
        elif kind == 2 and isinstance(parent, dict):
            # A key twice, with another value.
            marks[f"@again{number}@"] = f"null, {json.dumps(path[-1])}: {rng.choice(SHAPES + TEXTS[:2])}"
            parent[path[-1]] = f"@again{number}@"
        else:
            marks[f"@new{number}@"] = like(rng, parent[path[-1]]) if rng.random() < 0.5 else odd_value(rng)
            parent[path[-1]] = f"@new{number}@"
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2)))
    for mark, value in marks.items():
        text = text.replace(json.dumps(mark), value)
    return text.encode("utf-8", "surrogatepass")


def like(rng: Random, value: Any) -> str:
    """A value of the same type, so that it is read, and the verdict has to cope with it."""
    if isinstance(value, bool) or value is None:
        return rng.choice(("true", "false"))
    if isinstance(value, int):
        return rng.choice(("0", "1", "2", "1000", "2147483648", "9007199254740991"))
    if isinstance(value, str):
        return rng.choice([text for text in TEXTS if text.startswith('"') and text not in {r'"\x00"', '"\x01"'}])
    return json.dumps(value * 2 if isinstance(value, list) and rng.random() < 0.7 else type(value)())


def odd_value(rng: Random) -> str:
    kind = rng.randrange(8)
    if kind == 0:
        depth = rng.choice((10, 500, 1100, 100_000))
        return "[" * depth + "]" * depth
    if kind == 1:
        depth = rng.choice((10, 500, 1100, 50_000))
        return '{"a":' * depth + "1" + "}" * depth
    return rng.choice(rng.choice((NUMBERS, NUMBERS, TEXTS, TEXTS, SHAPES)))


def recoded(rng: Random, data: bytes) -> bytes:
    text = data.decode("utf-8-sig", "replace")
    encoding = rng.choice(ENCODINGS)
    written = text.encode(encoding, "replace")
    if rng.random() < 0.3:
        half = len(written) // 2
        written = written[:half] + text[len(text) // 2 :].encode("utf-8")
    return rng.choice((b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\0")) + written


def odd_table(rng: Random, data: bytes) -> bytes:
    """An export with other quotes, separators, line ends, cells or columns."""
    text = data.decode("utf-8-sig", "replace")
    lines = text.split("\r\n")
    for _ in range(rng.choice((1, 2, 3))):
        at = rng.choice((0, 0, 1, rng.randrange(len(lines))))
        cells = lines[min(at, len(lines) - 1)].split(",")
        kind, cell = rng.randrange(7), rng.randrange(len(cells))
        if kind == 0:
            cells[cell] = rng.choice(CELLS)
        elif kind == 1:
            cells[cell] += rng.choice(CELLS)
        elif kind == 2:
            del cells[cell]
        elif kind == 3:
            cells *= rng.choice((2, 3, 40))
        elif kind == 4:
            cells = cells[: rng.randint(0, 2)]
        elif kind == 5:
            rng.shuffle(cells)
        else:
            cells[cell] = cells[rng.randrange(len(cells))]
        lines[min(at, len(lines) - 1)] = ",".join(cells)
    text = rng.choice(("\r\n", "\n", "\r", "\n\n", "\u2028")).join(lines)
    if rng.random() < 0.3:
        text = text.replace(",", rng.choice(SEPARATORS))
    if rng.random() < 0.2:
        text = f"sep={rng.choice(SEPARATORS)}\r\n{text}"
    written = text.encode("utf-8", "surrogatepass")
    return damage(rng, written) if rng.random() < 0.3 else recoded(rng, written) if rng.random() < 0.2 else written


def odd_file(rng: Random, file: Path) -> str:
    """Something else in the place of a file; links lead to files of the bundle's own folder or to nothing."""
    data, kind = file.read_bytes(), rng.randrange(8)
    file.unlink()
    if kind == 0:
        os.mkfifo(file)
    elif kind == 1:
        file.symlink_to(file.name)
    elif kind == 2:
        file.symlink_to("nothing")
    elif kind == 3:
        file.mkdir()
    elif kind == 4:
        file.touch()
    elif kind == 5:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(data))
    elif kind == 6:
        file.with_name(file.name.upper()).write_bytes(data)
    else:
        file.with_name("kept").write_bytes(data)
        file.symlink_to("kept")
    return ("pipe", "link to itself", "link to nothing", "folder", "empty", "packed", "upper case", "link")[kind]


def odd_folder(rng: Random, bundle: Path) -> str:
    """Mutate files of a bundle that is a folder."""
    words = []
    files = sorted(path for path in bundle.iterdir() if path.is_file())
    weights = [4 if file.name == REPORT else 2 for file in files]
    for file in {rng.choices(files, weights)[0] for _ in range(rng.choice((1, 1, 2)))}:
        kinds: list[tuple[str, Callable[[Random, bytes], bytes]]] = [("bytes", damage), ("encoding", recoded)]
        kinds += [("table", odd_table)] * 4 if file.suffix == ".csv" else [("json", odd_json)] * 6
        if rng.random() < 0.08:
            words.append(f"{file.name}: {odd_file(rng, file)}")
            continue
        name, change = rng.choice(kinds)
        file.write_bytes(change(rng, file.read_bytes()))
        words.append(f"{file.name}: {name}")
    return "; ".join(words)


def odd_archive(rng: Random, bundle: Path, home: Path) -> tuple[str, Path]:
    """Pack the bundle, and mutate what it is packed in."""
    kind = rng.choice(("zip", "zip", "stored.zip", "tar", "tar.gz", "tar.gz", "tar.bz2", "tar.xz", "json.gz"))
    path = home / f"bundle.{kind.removeprefix('stored.')}"
    hostile = rng.random() < 0.5
    contents = {file.name: file.read_bytes() for file in sorted(bundle.iterdir())}
    if kind == "json.gz":
        data = gzip.compress(bomb(rng) if hostile and rng.random() < 0.1 else contents[REPORT])
    elif kind.endswith("zip"):
        data = zipped(rng, contents, home, hostile=hostile, stored=kind == "stored.zip")
    else:
        data = tarred(rng, contents, home, hostile=hostile)
        if kind != "tar" and rng.random() < 0.5:
            data = damage(rng, data, near=tar_fields(data)) if rng.random() < 0.4 else resummed(rng, data)
        packers: dict[str, Callable[[bytes], bytes]] = {"tar.gz": gzip.compress, "tar.bz2": bz2.compress}
        packers["tar.xz"] = lzma.compress
        # What packs best takes longest, and what is judged is how it is unpacked.
        data = (
            packers[kind if len(data) < 8 << 20 else "tar.gz"](data)
            if kind != "tar"
            else resummed(rng, data)
            if rng.random() < 0.4
            else data
        )
    if not hostile or rng.random() < 0.2:
        near = [*zip_fields(data), *range(20), *range(max(0, len(data) - 40), len(data))]
        data = damage(rng, data, near=tar_fields(data) if kind == "tar" else near)
    path.write_bytes(data)
    shutil.rmtree(bundle)
    return f"{kind}{', hostile' if hostile else ''}", path


def bomb(rng: Random) -> bytes:
    """What is packed to a thousandth; within what is allowed, or beyond it."""
    return rng.choice((b"\0", b" ", b"[", b"1", b"a,")) * rng.choice((1 << 20, 1 << 20, 5 << 20, 70 << 20))


def odd_names(rng: Random, contents: dict[str, bytes], home: Path) -> list[tuple[str, bytes]]:
    """Entries under names that lead out, twice, in another case, nested or too large."""
    entries = [(rng.choice(("", "", "club/")) + name, data) for name, data in contents.items()]
    for _ in range(rng.choice((1, 1, 2, 3))):
        name, data = rng.choice(sorted(contents.items()))
        kind = rng.randrange(9)
        if kind <= 2:
            new = rng.choice(LEADING_OUT).replace("{canary}", str(home / "canary")).replace("{}", name)
            entries.insert(rng.randint(0, len(entries)), (new, data))
        elif kind == 3:
            entries.append((name, rng.choice((data, b"{}"))))
        elif kind == 4:
            entries.append(
                (rng.choice((name.upper(), name.title(), f"{name}.gz", f"{name}.CSV", "Policies.json")), data)
            )
        elif kind == 5:
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as packed:
                packed.writestr(REPORT, contents[REPORT])
            entries.append((rng.choice(("inner.zip", REPORT, "members.csv", "members.csv.zip")), inner.getvalue()))
        elif kind == 6:
            entries.append((rng.choice(("big.csv", "film", REPORT)), bomb(rng)))
        elif kind == 7:
            entries.append(
                (
                    rng.choice(("d/" * 300, "x" * 300 + ".csv", "é" * 200 + ".csv", f"{name}/{name}", f"a/b/{name}")),
                    data,
                )
            )
        else:
            entries += [(f"{number}.csv", b"a,b\n1,2\n") for number in range(rng.choice((5, 300)))]
    rng.shuffle(entries)
    return entries


def zipped(rng: Random, contents: dict[str, bytes], home: Path, *, hostile: bool, stored: bool) -> bytes:
    written = io.BytesIO()
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w") as packed:
        warnings.simplefilter("ignore")
        for name, data in odd_names(rng, contents, home) if hostile else contents.items():
            info = zipfile.ZipInfo(name or "x")
            info.compress_type = (
                zipfile.ZIP_STORED if stored else rng.choice(methods[: 2 if len(data) > 2 << 20 else 4])
            )
            if hostile and rng.random() < 0.1:
                # A link, a pipe, a device, a folder: by its mode.
                info.external_attr = rng.choice((0o120777, 0o010644, 0o020644, 0o060644, 0o040755, 0o140644)) << 16
            packed.writestr(info, data)
    return patched_zip(rng, written.getvalue()) if hostile and rng.random() < 0.5 else written.getvalue()


ZIP_FIELDS: dict[bytes, tuple[tuple[int, int], ...]] = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))
}
ZIP_FIELDS[b"PK\x01\x02"] = ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4))
ZIP_FIELDS[b"PK\x05\x06"] = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))


def marked_fields(data: bytes) -> list[tuple[int, int]]:
    """Offset and size of each field of the headers of a zip."""
    found: list[tuple[int, int]] = []
    for mark, fields in ZIP_FIELDS.items():
        at = data.find(mark)
        while at >= 0:
            found += [(at + offset, size) for offset, size in fields]
            at = data.find(mark, at + 4)
    return found


def zip_fields(data: bytes) -> list[int]:
    return [at for at, _ in marked_fields(data)]


def patched_zip(rng: Random, data: bytes) -> bytes:
    """Wrong sizes, methods, flags, offsets and counts in the headers of a zip, or a second kind of end."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        at, size = rng.choice(marked_fields(data))
        value = rng.choice(
            (0, 1, 8, 12, 14, 98, 255, len(data), 2 ** (8 * size) - 1, 2 ** (8 * size - 1), rng.getrandbits(8 * size))
        )
        changed[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    end = changed.rfind(b"PK\x05\x06")
    if end > 0 and rng.random() < 0.2:
        far = rng.choice((0, end, 2**40, 2**63 - 1, 2**64 - 1))
        changed[end:end] = struct.pack("<4sLQL", b"PK\x06\x07", rng.choice((0, 1)), far, rng.choice((1, 2)))
    return bytes(changed)


TYPES: tuple[bytes, ...] = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
    tarfile.CONTTYPE,
)
TYPES += (
    tarfile.GNUTYPE_SPARSE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    b"Z",
    b"\0",
)


def tarred(rng: Random, contents: dict[str, bytes], home: Path, *, hostile: bool) -> bytes:
    written = io.BytesIO()
    form = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=written, mode="w", format=form) as packed:
        for name, data in odd_names(rng, contents, home) if hostile else contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if hostile and rng.random() < 0.15:
                info.type = rng.choice(TYPES)
                info.linkname = rng.choice((str(home / "canary"), "../canary/kept", REPORT, name, "x" * 300))
                info.size *= info.type not in TYPES[:6]
            if hostile and form == tarfile.PAX_FORMAT and rng.random() < 0.2:
                key = rng.choice(
                    ("path", "size", "hdrcharset", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.major", "mtime")
                )
                info.pax_headers = {
                    key: rng.choice(("", "-1", "x", "9" * 40, "BINARY", "0", "1", "1,2,x", "../canary/p", "é" * 9000))
                }
            packed.addfile(info, io.BytesIO(data[: info.size]))
    return written.getvalue()


def tar_fields(data: bytes) -> list[int]:
    """Offsets in the headers of a tar: its blocks with the mark of one."""
    found: list[int] = []
    at = data.find(b"ustar")
    while at >= 0 and len(found) < 500:
        start = at - 257
        found += [start + offset for offset in (0, 99, 100, 124, 130, 135, 148, 156, 157, 257, 345, 511) if start >= 0]
        at = data.find(b"ustar", at + 5)
    return found or [0]


def resummed(rng: Random, data: bytes) -> bytes:
    """Wrong fields in one header of a tar, whose sum is right."""
    starts = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not starts:
        return data
    changed, start = bytearray(data), rng.choice(starts)
    at, size = rng.choice(
        ((0, 100), (100, 8), (108, 8), (124, 12), (124, 12), (136, 12), (156, 1), (156, 1), (157, 100), (345, 155))
    )
    values = (
        b"\0" * size,
        b"7" * size,
        b"\x80" + b"\xff" * (size - 1),
        b"\xff" * size,
        b"-1",
        b"x" * size,
        b"00000020000",
        b"S",
        b"x",
        b"L",
    )
    value = rng.choice(values)[:size]
    changed[start + at : start + at + len(value)] = value
    header = changed[start : start + 512]
    header[148:156] = b" " * 8
    changed[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(changed)


def mutate(rng: Random, base: Path, home: Path) -> tuple[str, Path]:
    """Copy a bundle into `home` and mutate it; returns what was done, and what to verify."""
    bundle = home / "bundle"
    shutil.copytree(base, bundle)
    if rng.random() < 0.6:
        return odd_folder(rng, bundle), bundle
    before = odd_folder(rng, bundle) if rng.random() < 0.15 else ""
    if before and not all(path.is_file() for path in [bundle / REPORT, *bundle.iterdir()]):
        return before, bundle
    words, path = odd_archive(rng, bundle, home)
    return f"{before} {words}".strip(), path
