"""The secrets of an importer's command are nowhere: not in the record, not on the console, not in its output."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from migrating import BRIEF, Site, site_in

from recon.database.secrets import without_secrets
from recon.runs.migration.redacting import clean_output, redacted, shown, sounds_secret

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "kolibri-7x"  # noqa: S105 - of no account


@pytest.mark.parametrize(
    "words",
    [
        ["--password", SECRET],
        ["--password", f"-{SECRET}"],
        ["--db-pass", SECRET],
        [f"--api-key={SECRET}"],
        ["env", f"PGPASSWORD={SECRET}", "importer"],
        ["sh", "-c", f'importer "$@" --token {SECRET} --verbose'],
        ["sh", "-c", f"API_KEY='{SECRET}' exec importer"],
        ["--header", f"Authorization: Bearer {SECRET}"],
        ["--header", f"X-Api-Key: {SECRET}"],
        ["-u", f"ann:{SECRET}"],
        [f"postgresql://ann:{SECRET}@host/db"],
        [f"postgresql://ann:a@b/{SECRET}@host/db"],
        [f"postgresql://host/db?user=ann&password={SECRET}&sslmode=require"],
        [f"host=h password={SECRET} dbname=d"],
        ["--settings", f'{{"user": "ann", "password": "{SECRET}"}}'],
    ],
    ids=lambda words: " ".join(words).replace(SECRET, "…"),
)
def test_what_is_assigned_to_a_secret_name_is_hidden_and_remembered(words: list[str]) -> None:
    found = redacted(words)
    assert SECRET not in " ".join(found)
    assert "***" in " ".join(found)
    assert redacted(found) == found
    assert SECRET not in without_secrets(f"started: {' '.join(words)}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["python", "import.py", "{mode}", "--bundle", "{bundle}", "--exports={exports}"],
        ["--password-file", "/run/secrets/db", "--token-url", "https://host/token"],
        ["--bypass", "cache", "--max-tokens", "5", "--author", "Ann", "--passengers=7"],
        ["postgresql://ann@host:5432/db", "C:\\data", "--at", "2026-01-01T10:00:00Z"],
        ["--password", "{database}"],
    ],
)
def test_what_is_no_secret_stays(words: list[str]) -> None:
    assert redacted(words) == words


@pytest.mark.parametrize("name", ["PGPASSWORD", "WA_API_KEY", "MYSQL_PWD", "dbPass", "--auth", "client_secret"])
def test_names_of_secrets_are_known(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize("words", [["a b", "it's", "{mode}", "--x={bundle}", "***"], ["", "$HOME", "a;b", "ä"]])
def test_a_command_is_shown_as_a_shell_takes_it(words: list[str]) -> None:
    assert shlex.split(shown(words)) == words
    assert "'{mode}'" not in shown(words)


def test_output_is_cleaned_whatever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "output.log"
    clean_output(file)
    binary = bytes(range(256)) * 9000
    file.write_bytes(binary)
    before = file.stat().st_ino
    clean_output(file)
    assert (file.read_bytes(), file.stat().st_ino) == (binary, before)
    redacted(["--password", SECRET])
    file.write_bytes(binary + f"\nwith {SECRET} and postgresql://a:b@h\n".encode() + binary)
    clean_output(file)
    assert file.read_bytes() == binary + b"\nwith *** and postgresql://***@h\n" + binary
    assert (file.stat().st_mode & 0o777, [*tmp_path.iterdir()]) == (0o600, [file])


def test_no_file_of_a_migration_holds_a_secret(tmp_path: Path) -> None:
    site: Site = site_in(tmp_path)
    site.sign_off()
    site.environment |= {"CLUB_TOKEN": "from-the-environment"}
    (tmp_path / "profile.toml").write_text(
        'name = "club"\n[importer]\ncommand = ["sh"]\nenvironment = ["CLUB_TOKEN"]\n'
        f'dry_run = ["--dry-run", "--password", "{SECRET}"]\nexecute = ["--password", "{SECRET}"]\n',
        encoding="utf-8",
    )
    script = 'echo "$CLUB_TOKEN $@"; exit 1'
    words = ("--database", "club.db", "--exports", "exports", "--profile", "profile.toml", "--by", "Ann", *BRIEF)
    done = site.recon("migrate", *words, "--", "sh", "-c", script, "sh", "{bundle}", "{mode}")
    assert (done.code, site.outcomes()[-1]) == (1, ("dry-run", "FAILED"))
    assert "  | *** " in done.out
    kept = [file for file in (tmp_path / "outputs").rglob("*") if file.is_file()]
    texts = {str(file): file.read_bytes() for file in kept} | {"console": (done.out + done.err).encode()}
    for secret in (SECRET, "from-the-environment"):
        assert [name for name, text in texts.items() if secret.encode() in text] == []
    # What the profile says is read from it again.
    assert "no command" in site.resume().err
    again = site.recon("migrate", "--resume", "--", "sh", "-c", script, "sh", "{bundle}", "{mode}")
    assert (again.code, site.outcomes()[-1], len(site.record.steps)) == (1, ("dry-run", "FAILED"), 5)
    (tmp_path / "profile.toml").write_text('name = "club"\n[importer]\ncommand = ["sh"]\n', encoding="utf-8")
    changed = site.recon("migrate", "--resume", "--", "sh", "-c", script, "sh", "{bundle}", "{mode}")
    assert (changed.code, "found another profile" in changed.err) == (2, True)
