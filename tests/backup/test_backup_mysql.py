"""Backups of a real MariaDB or MySQL, where RECON_TEST_MYSQL_URL names a server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from made_backups import found, outcomes, signed_again

import recon
from recon.backup.manifest import file_content
from recon.backup.mysql import FILE
from recon.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mysql import MysqlServer

KINDS = Path(__file__).with_name("kinds_mysql.sql").read_text(encoding="utf-8").split("\n\n")


def options(url: str, backups: Path, path: Path | None = None) -> recon.BackupOptions:
    return recon.BackupOptions(path, backups, environment={"DATABASE_URL": url})


@pytest.fixture
def club_url(mysql_server: MysqlServer, mysql_club: Callable[[], str]) -> str:
    url = mysql_club()
    mysql_server.execute(url.rpartition("/")[2], *KINDS)
    return url


def test_a_backup_holds_and_brings_back_all_rows(mysql_server: MysqlServer, club_url: str, tmp_path: Path) -> None:
    created = recon.create_backup(options(club_url, tmp_path))
    assert {path.stat().st_mode & 0o777 for path in created.folder.iterdir()} == {0o600}
    assert created.manifest.tables["kinds"].rows == 3
    assert created.manifest.tables["odd `name"].rows == 0
    assert created.manifest.tables["Member"].rows == 60
    test = recon.test_backup(options(club_url, tmp_path))
    assert [check.message for check in test.checks if check.outcome != "PASS"] == []
    assert len(test.checks) == 10
    assert mysql_server.left_scratch() == []


def test_a_backup_that_is_damaged_or_of_another_database_fails(
    club_url: str, mysql_club: Callable[[], str], tmp_path: Path
) -> None:
    folder = recon.create_backup(options(club_url, tmp_path)).folder
    assert found(recon.check_backup(options(mysql_club(), tmp_path)), "backup_database").outcome == "FAIL"
    whole = (folder / FILE).read_bytes()
    row = whole.index(b"\n", whole.index(b"INSERT INTO `Member`") + 1) + 1
    cuts = {"end": whole.rindex(b"-- Dump completed"), "row": whole.index(b"\n", row) + 1}
    for name, at in cuts.items():
        (folder / FILE).write_bytes(whole[:at])
        signed_again(folder, files={FILE: file_content(folder / FILE)})
        check = recon.check_backup(options(club_url, tmp_path))
        assert found(check, "backup_read").outcome == "FAIL", name
    (folder / FILE).write_bytes(whole.replace(whole[row : whole.index(b"\n", row) + 1], b"", 1))
    signed_again(folder, files={FILE: file_content(folder / FILE)})
    contents = found(recon.check_backup(options(club_url, tmp_path)), "backup_contents")
    assert (
        contents.message
        == "1 table of 10 not as in the manifest: Member: another number of rows (60 expected, 59 found)"
    )
    (folder / FILE).write_bytes(whole.replace(b"it\\'s", b"it\\'z"))
    signed_again(folder, files={FILE: file_content(folder / FILE)})
    test = recon.test_backup(options(club_url, tmp_path))
    assert found(test, "backup_contents").outcome == "PASS"
    assert found(test, "restored_rows").message.endswith("kinds: other values")


def test_a_dump_that_others_made_is_counted_and_never_restored(club_url: str, tmp_path: Path) -> None:
    folder = recon.create_backup(options(club_url, tmp_path)).folder
    dump = tmp_path / "dump.sql"
    shutil.copyfile(folder / FILE, dump)
    test = recon.test_backup(options(club_url, tmp_path, dump))
    assert outcomes(test)["backup_read"] == "PASS"
    assert outcomes(test)["backup_contents"] == "WARN"
    assert outcomes(test)["restore_evaluated"] == "ERROR"
    dump.write_bytes(b"-- MariaDB dump 10\nCREATE DATABASE `x`;\nUSE `x`;\n-- Dump completed\n")
    assert outcomes(recon.check_backup(options(club_url, tmp_path, dump)))["backup_read"] == "FAIL"


def test_a_user_without_the_rights_makes_no_backup(mysql_server: MysqlServer, club_url: str, tmp_path: Path) -> None:
    database = club_url.rpartition("/")[2]
    user = f"u{database[-8:]}"
    mysql_server.execute(
        None, f"create user {user} identified by 'some-secret-word'", f"grant select on `{database}`.* to {user}"
    )
    url = mysql_server.url(database, user, "some-secret-word")
    try:
        with pytest.raises(BackupError, match=r"grant select, lock tables") as raised:
            recon.create_backup(options(url, tmp_path))
    finally:
        mysql_server.execute(None, f"drop user {user}")
    assert "some-secret-word" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
