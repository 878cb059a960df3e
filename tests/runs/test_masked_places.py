from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zipfile import ZipFile, is_zipfile

import pytest
from conftest import copied
from planted_people import SECRETS, plant_people
from support import run_in_process

import recon
from recon.runs.folder import run_folders

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.runs.folder import RunFolder

# Holds both sides as they are, and says so.
NOT_MASKED = {"snapshot.duckdb"}


@dataclass(frozen=True)
class Planted:
    """A run of the club whose every text holds personal data, and a second one of the same."""

    demo: DemoPaths
    outputs: Path
    said: str
    arguments: tuple[object, ...]

    @property
    def runs(self) -> list[RunFolder]:
        """The runs, the newest first."""
        return run_folders(self.outputs)


@pytest.fixture(scope="module")
def planted(clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    demo = copied(clean, folder)
    plant_people(demo, folder / "suites")
    arguments = ("-b", demo.bundle, "--database", demo.database, "--expectations", folder / "suites")
    outputs = ("--outputs", folder / "outputs", "--skip", "notebook", "--skip", "html", "-v")
    first = run_in_process("run", *arguments, *outputs)
    second = run_in_process("run", *arguments, "--outputs", folder / "outputs", "--only", "snapshot", "--only", "site")
    assert (first.code, second.code) == (1, 1), first.err + second.err
    return Planted(demo, folder / "outputs", first.out + first.err + second.out + second.err, arguments)


def leaks(text: str) -> list[str]:
    """The secrets in a text, as it is, and as it reads without what its format does to it."""
    plain = unescape(text).replace("\\/", "/")
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), plain)
    forms = (text, plain, unquote(plain), re.sub(r"<[^<>]*>", "", plain))
    return sorted({secret for secret in SECRETS for form in forms if secret in form.lower()})


def texts_of(file: Path) -> dict[str, str]:
    """The texts of a file: of an archive its members, of a picture the text in it."""
    if is_zipfile(file):
        with ZipFile(file) as archive:
            return {f"{file.name}/{name}": archive.read(name).decode(errors="replace") for name in archive.namelist()}
    return {file.name: file.read_bytes().decode(errors="replace")}


def leaking(folder: Path) -> dict[str, list[str]]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in NOT_MASKED]
    assert files
    found = {name: leaks(text) for file in files for name, text in texts_of(file).items()}
    found |= {str(file.relative_to(folder)): leaks(str(file.relative_to(folder))) for file in files}
    return {name: secrets for name, secrets in found.items() if secrets}


def test_no_file_of_a_run_and_of_the_site_holds_personal_data(planted: Planted) -> None:
    """Markdown, JSON, JUnit, charts, Data Docs, the go/no-go sheet, the manifest and the site."""
    assert leaking(planted.outputs) == {}


def test_the_console_shows_no_personal_data(planted: Planted) -> None:
    assert leaks(planted.said) == []


def test_no_report_holds_personal_data(planted: Planted, tmp_path: Path) -> None:
    forms = ("markdown", "json", "junit", "html", "xlsx", "csv", "csv-long")
    named = [word for form in forms for word in ("-f", form)]
    places = [word for form in forms for word in ("-o", tmp_path / f"report.{form}")]
    assert run_in_process("verify", *planted.arguments, *named, *places).code == 1
    assert len(list(tmp_path.iterdir())) == len(forms)
    assert leaking(tmp_path) == {}


def test_no_report_on_github_holds_personal_data(planted: Planted, tmp_path: Path) -> None:
    """Annotations on the console, and the summary of the step."""
    where = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    done = run_in_process("verify", *planted.arguments, "-o", tmp_path / "report.md", **where)
    assert "::error" in done.out
    assert (leaks(done.out + done.err), leaking(tmp_path)) == ([], {})


@pytest.mark.parametrize(
    "question",
    [
        ("missing", "members"),
        ("altered", "events"),
        ("altered", "members"),
        ("rejected", "members"),
        ("causes",),
        ("check", "own_rule"),
        ("check", "altered_records"),
        ("--to-fix",),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_answer_holds_personal_data(planted: Planted, question: tuple[str, ...], form: str) -> None:
    as_form = () if form == "text" else ("--format", form)
    done = run_in_process("show", planted.runs[-1].path, *question, *as_form)
    assert done.code == 0, done.err
    assert leaks(done.out + done.err) == []


def test_no_export_and_no_comparison_holds_personal_data(planted: Planted, tmp_path: Path) -> None:
    """A workbook and CSV files of every finding, and what changed between two runs in every form."""
    newest, oldest = planted.runs[0].path, planted.runs[-1].path
    said = [run_in_process("export", oldest, "-f", form, "-o", tmp_path / f"out.{form}") for form in ("xlsx", "csv")]
    said += [
        run_in_process("diff", oldest, newest, "-f", form, "-o", tmp_path / f"diff.{form}")
        for form in ("json", "markdown")
    ]
    assert [done.code for done in said] == [0] * len(said), [done.err for done in said]
    assert leaks("".join(done.out + done.err for done in said)) == []
    assert leaking(tmp_path) == {}


def judged(planted: Planted, *, show_pii: bool) -> recon.Verification:
    return recon.verify(
        recon.VerifyOptions(
            bundle=planted.demo.bundle,
            database=str(planted.demo.database),
            expectations=[str(planted.arguments[-1])],
            show_pii=show_pii,
        )
    )


def rows_of(verification: recon.Verification) -> str:
    return str([check.violations.to_dicts() for check in verification.checks])


def test_the_api_masks_unless_asked(planted: Planted) -> None:
    masked, shown = judged(planted, show_pii=False), judged(planted, show_pii=True)
    assert leaks(repr(masked) + rows_of(masked)) == []
    assert leaks(repr(shown) + rows_of(shown)) == sorted(SECRETS), "what nothing shows would be found nowhere"
    with recon.open_run(planted.runs[-1].path) as run:
        frame = run.sql("select last_name as status, first_name as wa_id, last_name as title from source.members")
        assert leaks(str(frame.to_dicts())) == []
        assert leaks(str(run.lazy.altered("events").collect().to_dicts())) == []


def test_what_is_masked_stays_useful(planted: Planted) -> None:
    """Ids stay, each kind has its form, and JSON stays JSON."""
    (check,) = (check for check in judged(planted, show_pii=False).checks if check.id == "own_rule")
    rows = check.violations.to_dicts()
    row = next(row for row in rows if row["who"] == "J***")
    assert re.fullmatch(r"[0-9a-f-]{36}", row["member_id"])
    assert {name: value for name, value in row.items() if name != "member_id"} == {
        "contact": "s***@***",
        "who": "J***",
        "status": "Q***",
        "other_id": "Q***",
        "called": "***91",
        "number": "***91",
        "note": "Mrs. Q*** pays",
        "listed": ["Q***", "s***@***"],
        "struct": {"a": "J***", "mail": "s***@***"},
        "keyed": {"Q***": "s***@***"},
        "deep": [{"x": ["J***"]}],
        "document": '{"n":"Q***","m":"s***@***"}',
        "bytes": b"Q***",
        "a***@***": 1,
    }
