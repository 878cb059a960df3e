"""The guided flow into PostgreSQL: the importer finds its database in the environment, and the backup is restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from migrating import PLACEHOLDERS, site_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from postgres import Cluster

EMPTIED = 'truncate "Member", "Event", "EventRegistration", "WaIdMapping", "AuditLog" cascade'


def test_a_server_is_migrated_as_production_unless_it_is_known(
    postgres_club: Callable[[str], str], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_club("newer")
    with psycopg.connect(url) as connection:
        connection.execute(EMPTIED)
    site = site_in(tmp_path)
    site.environment |= {"DATABASE_URL": url}
    # Both patterns fit, so that it is not clear which it is.
    (tmp_path / "profile.toml").write_text(
        'name = "club"\n[environments]\nlocal = ["*"]\nstaging = ["*"]\n'
        '[importer]\ncommand = ["sh"]\ndatabase = "DATABASE_URL"\n',
        encoding="utf-8",
    )
    site.sign_off()
    words = [word for word in PLACEHOLDERS if word not in ("--database", "{database}")]
    importer = [*site.importer()[:3], *words]
    only = ("--skip", "notebook", "--skip", "html", "--skip", "charts", "--skip", "data_docs", "--skip", "junit")
    given = ("--exports", "exports", "--profile", "profile.toml", "--by", "Ann", *only)
    nowhere = site.recon("migrate", *given, "--pg-bin", tmp_path, "--", *importer, typed="y\n", keyboard=monkeypatch)
    assert (nowhere.code, "[ERROR] Create: pg_dump was not found" in nowhere.out) == (2, True)
    programs = ("--pg-bin", cluster.binaries)
    fixed = site.recon("migrate", "--resume", *programs, "--exports", "others")
    assert (fixed.code, "This is not changed in an open migration (--exports)" in fixed.err) == (2, True)
    done = site.recon("migrate", "--resume", *programs, typed="club\n", keyboard=monkeypatch)
    assert "[PASS] Importer's Database: DATABASE_URL: " in nowhere.out
    assert "[PASS] Restored Rows: " in done.out
    # Another name than the database's was typed.
    assert (done.code, site.starts, site.record.environment) == (2, 1, "production")
    name = site.record.name
    assert name.startswith("club_")
    again = site.recon("migrate", "--resume", typed=f"{name}\n", keyboard=monkeypatch)
    # What it was resumed with is kept.
    assert site.record.settings["pg_bin"] == str(cluster.binaries)
    assert (again.code, site.record.verdict) == (0, "PASSED"), again.out + again.err
    assert "Changed by the import: public.AuditLog +1 rows, public.Event +6 rows" in again.out
    kept = [file for file in (tmp_path / "outputs").rglob("*") if file.is_file()]
    password = url.partition("://")[2].partition("@")[0]
    assert [file.name for file in kept if password and password.encode() in file.read_bytes()] == []
