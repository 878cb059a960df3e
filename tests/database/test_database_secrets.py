from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import run_in_process, verify_url

import recon
from recon.database.secrets import remember, without_secrets
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

SECRET = "Gx7-quiet_otter"  # noqa: S105 - made up, to be searched for
URL = f"postgresql://kiwi:{SECRET}@127.0.0.1:1/club"
# What people write for a URL, a closed port among it.
WRITTEN = (
    URL,
    f"postgres//kiwi:{SECRET}@127.0.0.1/club",
    f"postgres:/kiwi:{SECRET}@127.0.0.1/club",
    f"postgresql://127.0.0.1:1/club?user=kiwi&password={SECRET}",
    f"postgresql://kiwi:{SECRET}%@127.0.0.1:1/club",
    f"oracle://kiwi:{SECRET}@127.0.0.1:1/club",
    f"mysql://kiwi:{SECRET}@127.0.0.1:1/club",
    f"host=127.0.0.1 port=1 password={SECRET}",
    f"{SECRET}@127.0.0.1",
)


def test_no_option_object_shows_the_environment() -> None:
    options = recon.VerifyOptions("bundle", database=URL, environment={"DATABASE_URL": URL})
    assert "bundle" in repr(options)
    assert SECRET not in repr(options) + repr(recon.RunOptions(options))


@pytest.mark.parametrize("written", WRITTEN)
def test_no_trace_shows_the_password_of_a_variable(written: str, clean: DemoPaths) -> None:
    done = run_in_process("verify", "-b", clean.bundle, DATABASE_URL=written, RECON_TRACEBACK="1")
    assert (done.code, "Traceback" in done.err) == (2, True)
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("written", WRITTEN)
def test_no_trace_shows_the_password_of_an_option_or_of_a_file(written: str, clean: DemoPaths, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(written, encoding="utf-8")
    for database in (written, file):
        done = run_in_process("verify", "-b", clean.bundle, "--database", database, RECON_TRACEBACK="1")
        assert (done.code, "Traceback" in done.err) == (2, True)
        assert SECRET not in done.out + done.err


@pytest.mark.parametrize("written", WRITTEN)
def test_no_chain_of_errors_holds_the_password(written: str, clean: DemoPaths) -> None:
    with pytest.raises(DatabaseError) as refused:
        verify_url(clean.bundle, written)
    error: BaseException | None = refused.value
    while error:
        assert SECRET not in f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    "text, shown",
    [
        (f"no entry for kiwi with {SECRET} here", "no entry for kiwi with *** here"),
        (f"in {URL}", "in ***"),
        ("in mysql://other:word@db.example/x", "in mysql://***@db.example/x"),
        ("a word of it: pear, appear", "a word of it: ***, appear"),
    ],
)
def test_what_was_given_in_a_url_is_taken_out_of_any_text(text: str, shown: str) -> None:
    remember(URL, SECRET)
    remember("mysql://me:pear@db.example/x", "pear")
    assert without_secrets(text) == shown
