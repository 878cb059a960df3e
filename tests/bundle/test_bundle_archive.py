"""Compressed bundles open as they are; what is damaged, unsafe or made to fill a disk is refused in one sentence."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import stat
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from support import run_in_process, verify

from recon.bundle import archive, entries, open_bundle, reading
from recon.demo import DemoPaths
from recon.errors import BundleError
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.model import Verification

REPORT = "migration-report.json"
PACKED = ["zip", "flat-zip", "tar.gz", "tgz", "tar", "report.gz", "folder-of-gz"]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def pack(bundle: Path, kind: str, home: Path) -> Path:
    """The bundle, compressed."""
    if kind == "folder-of-gz":
        folder = home / "packed"
        shutil.copytree(bundle, folder)
        for file in folder.iterdir():
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
        return folder
    if kind == "report.gz":
        target = home / "migration-report.json.gz"
        target.write_bytes(gzip.compress((bundle / REPORT).read_bytes()))
        return target
    if kind.endswith("zip"):
        with zipfile.ZipFile(home / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for file in bundle.iterdir():
                packed.write(file, file.name if kind.startswith("flat") else f"{bundle.name}/{file.name}")
        return home / "bundle.zip"
    target = home / f"bundle.{kind}"
    with tarfile.open(target, "w" if kind == "tar" else "w:gz") as packed_tar:
        packed_tar.add(bundle, bundle.name)
    return target


@pytest.mark.parametrize("kind", PACKED)
def test_a_compressed_bundle_gives_the_same_verdict(
    clean: DemoPaths, passed: Verification, kind: str, tmp_path: Path, scratch: Path
) -> None:
    packed = DemoPaths(pack(clean.bundle, kind, tmp_path), clean.database)
    whole, found = passed, verify(packed)
    assert (found.verdict, found.run_id, found.counts_bundle) == (whole.verdict, whole.run_id, whole.counts_bundle)
    assert found.bundle_path == str(packed.bundle)
    assert len(found.policies) == (0 if kind == "report.gz" else len(whole.policies))
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("beside", ["policy-bundle.json", "policy-bundle.json.gz", "migration-config.json"])
def test_what_is_beside_a_report_named_alone_is_named(demo: DemoPaths, tmp_path: Path, beside: str) -> None:
    path = pack(demo.bundle, "report.gz", tmp_path)
    with open_bundle(path) as alone:
        assert (alone.policies, alone.notes) == (None, ())
    (tmp_path / beside).write_bytes(b"{}")
    with open_bundle(path) as opened:
        assert opened.policies is None
        (note,) = opened.notes
        assert note.startswith(
            f"{beside} beside {path.name} is not read, because the bundle is that one file: name its"
        )


def test_a_compressed_report_is_streamed_where_it_is_large(
    demo: DemoPaths, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE_BYTES", 0)
    packed = DemoPaths(pack(demo.bundle, "tar.gz", tmp_path), demo.database)
    assert verify(packed).verdict == "PASSED"
    assert list(scratch.iterdir()) == []


def test_the_command_names_the_archive_in_its_report(demo: DemoPaths, tmp_path: Path) -> None:
    packed, report = pack(demo.bundle, "zip", tmp_path), tmp_path / "report.md"
    done = run_in_process("verify", "-b", packed, "--database", demo.database, "-o", report)
    assert (done.code, done.err) == (0, "")
    assert str(packed) in report.read_text(encoding="utf-8")


def zip_of(path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            packed.writestr(info, content)
    return path


def tar_of(path: Path, entries: list[tarfile.TarInfo], content: bytes = b"{}") -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            packed.addfile(entry, io.BytesIO(content))
    return path


def linked(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    return entry


def refusal(path: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    error = caught.value
    assert all((error.what, error.where, error.expected, error.found, error.next_step))
    assert "\n" not in error.message
    return error


@pytest.mark.parametrize(
    "name", [f"../{REPORT}", f"/etc/{REPORT}", f"a/../../{REPORT}", f"..\\{REPORT}", f"C:\\{REPORT}"]
)
def test_a_path_that_leads_out_of_the_archive_is_refused(tmp_path: Path, scratch: Path, name: str) -> None:
    error = refusal(zip_of(tmp_path / "bundle.zip", {name: b"{}"}))
    assert error.what == "The archive names an unsafe path"
    assert list(scratch.iterdir()) == []


def make_link(info: zipfile.ZipInfo) -> None:
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize("kind", ["zip", tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_is_refused(tmp_path: Path, kind: str | bytes) -> None:
    if isinstance(kind, str):
        path = zip_of(tmp_path / "bundle.zip", {REPORT: b"/etc/passwd"}, make_link)
    else:
        path = tar_of(tmp_path / "bundle.tar.gz", [linked(REPORT, kind)])
    assert refusal(path).found == "a link, a folder or a device"


def tar_block(kind: bytes, size: int, name: str = "x") -> bytes:
    """The header of an entry that states its size, whatever follows."""
    info = linked(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def pax_of(text: bytes) -> bytes:
    """A header of attributes, whatever they say, and the report after it."""
    padded = text + b"\0" * (-len(text) % 512)
    return (
        tar_block(tarfile.XHDTYPE, len(text)) + padded + tar_block(tarfile.REGTYPE, 2, REPORT) + b"{}".ljust(512, b"\0")
    )


END = b"\0" * 1024
COSTLY = {
    "a header of 2,000,000,000 bytes": tar_block(tarfile.XHDTYPE, 2 * 10**9) + END,
    "a header of 1,048,577 bytes": tar_block(tarfile.GNUTYPE_LONGNAME, 2**20 + 1) + END,
    "a header with an endless number": pax_of(b"1" * 500_000) + END,
    "a sparse file": pax_of(b"25 GNU.sparse.map=a,b,c,d\n") + END,
}


@pytest.mark.parametrize("found", COSTLY)
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("packed", [True, False], ids=["tar.gz", "tar"])
def test_a_header_of_a_tar_that_costs_more_than_its_size_is_refused(
    tmp_path: Path, found: str, first: bool, packed: bool
) -> None:
    """The library would read it whole into memory, search it for minutes, or end in an error of its own."""
    before = b"" if first else tar_block(tarfile.REGTYPE, 0, "policy-bundle.json")
    path = tmp_path / ("bundle.tar.gz" if packed else "bundle.tar")
    path.write_bytes(gzip.compress(before + COSTLY[found]) if packed else before + COSTLY[found])
    error = refusal(path)
    assert (error.what, error.where, error.found) == (
        "The compressed bundle cannot be unpacked",
        str(path),
        found,
    )


def test_a_header_of_a_tar_that_is_damaged_is_no_end_of_it(folder_of_club: Path) -> None:
    """What follows it would be passed over, and the verdict be one without the club's policies."""
    packed = pack(folder_of_club, "tar", folder_of_club.parent)
    with tarfile.open(packed) as opened:
        last = opened.getmembers()[-1]
    data = bytearray(packed.read_bytes())
    data[last.offset + 150] ^= 0xFF
    packed.write_bytes(data)
    assert refusal(packed).found == "a damaged header"


def test_a_long_name_and_attributes_are_no_obstacle(demo: DemoPaths, tmp_path: Path) -> None:
    """Headers of attributes that real programs write are read as before."""
    path = tmp_path / "long.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "é" * 5000}) as opened:
        for file in sorted(demo.bundle.iterdir()):
            info = opened.gettarinfo(file, f"{'a long folder/' * 20}{file.name}")
            info.pax_headers = {"SCHILY.xattr.user.note": "x" * 9000, "mtime": "1705329000.123456789"}
            with file.open("rb") as content:
                opened.addfile(info, content)
    with open_bundle(path) as bundle:
        assert bundle.policies
        assert bundle.unpacked
        assert len(bundle.unpacked.labels) == len([*demo.bundle.iterdir()])


def test_the_same_file_twice_in_an_archive_is_ambiguous(tmp_path: Path) -> None:
    """The later one would replace the earlier, and other programs may show the earlier."""
    names = (REPORT, "policy-bundle.json", "policy-bundle.json")
    error = refusal(tar_of(tmp_path / "b.tar.gz", [tarfile.TarInfo(name) for name in names]))
    assert (error.what, error.found) == (
        "The bundle has the same file twice",
        "policy-bundle.json, policy-bundle.json",
    )


def test_an_archive_of_many_entries_is_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry takes memory, however little it is packed in."""
    monkeypatch.setattr(entries, "MOST_ENTRIES", 3)
    path = zip_of(tmp_path / "b.zip", dict.fromkeys((REPORT, "a", "b", "c"), b"{}"))
    assert refusal(path).what == "The archive has too many entries"


def test_the_end_of_a_zip_of_several_disks_is_one_sentence(tmp_path: Path) -> None:
    """The library asks for the other disks while it looks whether the file is a zip."""
    data = zip_of(tmp_path / "b.zip", {REPORT: b"{}"}).read_bytes()
    at = data.index(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 2)
    (tmp_path / "b.zip").write_bytes(data[:at] + locator + data[at:])
    assert "disks" in str(refusal(tmp_path / "b.zip").found)


BOMB = b" " * (3 * 2**20)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "gz"])
def test_what_unpacks_to_too_much_is_refused_before_it_fills_the_disk(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archive, "ALWAYS_ALLOWED_BYTES", 2**20)
    path = tmp_path / f"bundle.{kind}"
    if kind == "zip":
        zip_of(path, {REPORT: BOMB})
    elif kind == "gz":
        path.write_bytes(gzip.compress(BOMB))
    else:
        tar_of(path, [tarfile.TarInfo(REPORT)], BOMB)
    error = refusal(path)
    assert error.what == "The bundle unpacks to more than is allowed"
    assert error.expected == "at most 1 MB"
    assert list(scratch.iterdir()) == []


def test_a_large_member_that_is_not_needed_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ALWAYS_ALLOWED_BYTES", 2**20)
    path = tar_of(tmp_path / "bundle.tar.gz", [tarfile.TarInfo("film"), tarfile.TarInfo(REPORT)], BOMB)
    assert refusal(path).what == "The bundle unpacks to more than is allowed"


def test_all_files_together_have_a_limit_too(demo: DemoPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(demo.bundle, "zip", tmp_path)
    monkeypatch.setattr(archive, "MAX_BYTES", (demo.bundle / REPORT).stat().st_size + 100)
    assert refusal(packed).what == "The bundle unpacks to more than is allowed"


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tgz", "report.gz", "folder-of-gz"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_damaged_archive_is_one_sentence(demo: DemoPaths, tmp_path: Path, kind: str, kept: float) -> None:
    packed = pack(demo.bundle, kind, tmp_path)
    file = packed / f"{REPORT}.gz" if packed.is_dir() else packed
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    error = refusal(packed)
    assert str(packed) in str(error.where)


def test_an_encrypted_archive_is_one_sentence(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "bundle.zip", {REPORT: b"{}"})
    data = bytearray(path.read_bytes())
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + offset] |= 1
    path.write_bytes(data)
    error = refusal(path)
    assert (error.found, error.next_step) == (
        "it is encrypted with a password",
        "Unpack it yourself with its password, and name the folder",
    )


def test_an_archive_with_a_wrong_checksum_says_so(folder_of_club: Path) -> None:
    with zipfile.ZipFile(folder_of_club.parent / "b.zip", "w", zipfile.ZIP_STORED) as packed:
        packed.write(folder_of_club / REPORT, REPORT)
    whole = (folder_of_club.parent / "b.zip").read_bytes()
    (folder_of_club.parent / "b.zip").write_bytes(whole.replace(b"runId", b"runIx", 1))
    error = refusal(folder_of_club.parent / "b.zip")
    assert error.found == f"Bad CRC-32 for file '{REPORT}'"
    assert error.next_step == "Copy it again, or unpack it yourself and name the folder"


def test_a_method_of_compression_that_is_not_known_is_unpacked_elsewhere(folder_of_club: Path) -> None:
    data = bytearray(pack(folder_of_club, "zip", folder_of_club.parent).read_bytes())
    for start, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(start) + offset] = 98
    (folder_of_club.parent / "b.zip").write_bytes(data)
    assert str(refusal(folder_of_club.parent / "b.zip").next_step).startswith("Unpack it yourself")


def test_an_archive_without_a_report_lists_what_it_holds(tmp_path: Path) -> None:
    error = refusal(zip_of(tmp_path / "bundle.zip", {"notes.txt": b"", "club/policy-bundle.json": b"{}"}))
    assert error.found == "notes.txt, club/policy-bundle.json"


def test_two_reports_in_an_archive_are_ambiguous(tmp_path: Path) -> None:
    error = refusal(zip_of(tmp_path / "bundle.zip", {f"a/{REPORT}": b"{}", f"b/{REPORT}": b"{}"}))
    assert error.found == f"a/{REPORT}, b/{REPORT}"


def test_a_report_that_lies_there_twice_is_ambiguous(demo: DemoPaths) -> None:
    (demo.bundle / f"{REPORT}.gz").write_bytes(gzip.compress(b"{}"))
    assert refusal(demo.bundle).what == "The bundle has the same file twice"


@pytest.mark.parametrize("large_bytes", [0, 2**40], ids=["large", "small"])
def test_what_is_wrong_inside_is_reported_by_its_place_in_the_archive(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, large_bytes: int
) -> None:
    entity = '{"created": 1, "updated": 0, "records": [{"_action": 5}]}'
    report = f'{{"runId": "r", "dryRun": false, "members": {entity}, "events": {entity}, "registrations": {entity}}}'
    path = zip_of(tmp_path / "bundle.zip", {f"club/{REPORT}": report.encode()})
    monkeypatch.setattr(reading, "LARGE_BYTES", large_bytes)
    with Warehouse() as warehouse, pytest.raises(BundleError) as caught, open_bundle(path) as bundle:
        load_bundle(bundle, warehouse, [])
    assert caught.value.where == f"{path}: club/{REPORT}, $.members.records[0]._action"
    assert str(scratch) not in caught.value.message.replace(str(tmp_path / "bundle.zip"), "")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "report.gz"])
@pytest.mark.parametrize("cut", [0.001, 0.02, 0.5, 0.99])
def test_an_archive_without_its_end_is_said_to_be_cut_off(folder_of_club: Path, kind: str, cut: float) -> None:
    packed = pack(folder_of_club, kind, folder_of_club.parent)
    whole = packed.read_bytes().rstrip(b"\0") if kind == "tar" else packed.read_bytes()
    packed.write_bytes(whole[: len(whole) - max(3, int(len(whole) * cut))])
    error = refusal(packed)
    begins = "zip" if kind == "zip" else "tar" if kind == "tar" else "gz"
    assert error.what == "The compressed bundle cannot be unpacked"
    assert error.found == f"it begins as a .{begins} and its end is missing"
    assert error.next_step == "Copy it again"


@pytest.fixture
def folder_of_club(tmp_path: Path) -> Path:
    """A bundle whose text hardly compresses."""
    folder = tmp_path / "club"
    folder.mkdir()
    (folder / REPORT).write_text(json.dumps({"runId": hashlib.shake_256(b"club").hexdigest(20_000)}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "name, start, found",
    [
        ("b.7z", b"7z\xbc\xaf\x27\x1c" + bytes(40), "a .7z"),
        ("b.zip", b"Rar!\x1a\x07\x01\x00", "a .rar"),
        ("b.zip", b"<html>" * 200, "another kind of file, called .zip"),
        ("b.tar.gz", b"", "an empty file, called .gz"),
        ("b", b"7z\xbc\xaf\x27\x1c" + bytes(40), "a .7z"),
        ("migration-report.json.gz", b"Rar!\x1a\x07\x01\x00", "a .rar"),
        ("b.tar", b"<html></html>", "another kind of file, called .tar"),
        ("b.7z", b"<", "another kind of file, called .7z"),
    ],
)
def test_what_is_no_archive_that_is_read_is_named(tmp_path: Path, name: str, start: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(start)
    assert refusal(tmp_path / name).found == found


def test_what_is_packed_in_another_way_is_to_be_unpacked(tmp_path: Path) -> None:
    for start in (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\x00", b"\x28\xb5\x2f\xfd"):
        (tmp_path / "b.zip").write_bytes(start + bytes(40))
        assert refusal(tmp_path / "b.zip").next_step == "Unpack it yourself and name the folder, or pack it as a .zip"


@pytest.mark.parametrize(
    "name, start, kind",
    [
        ("b.zip", b"PK\x03", ".zip"),
        ("b.tar", b"migration-bundle/", ".tar"),
        ("b.tgz", b"\x1f", ".tgz"),
        ("b.tar.gz", b"\x1f", ".gz"),
        ("b.7z", b"7z\xbc", ".7z"),
        ("b.RAR", b"Ra", ".rar"),
        ("b.txz", b"\xfd7", ".txz"),
    ],
)
def test_a_stub_of_what_its_name_says_lacks_its_end(tmp_path: Path, name: str, start: bytes, kind: str) -> None:
    for kept in range(1, len(start) + 1):
        (tmp_path / name).write_bytes(start[:kept])
        assert refusal(tmp_path / name).found == f"it begins as a {kind} and its end is missing"


@pytest.mark.parametrize("kind", ["bz2", "xz"])
@pytest.mark.parametrize("cut", [1, 200, 5000])
def test_a_tar_packed_in_a_rarer_way_lacks_its_end_too(folder_of_club: Path, kind: str, cut: int) -> None:
    target = folder_of_club.parent / f"b.tar.{kind}"
    with tarfile.open(target, "w:bz2" if kind == "bz2" else "w:xz") as packed:
        packed.add(folder_of_club, "club")
    target.write_bytes(target.read_bytes()[:-cut])
    assert refusal(target).found == f"it begins as a .{kind} and its end is missing"
