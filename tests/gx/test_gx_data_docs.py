"""Data Docs: every check on a page, hostile text stays text, nothing is loaded, nothing is unmasked."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gx_runs import entry, loaded, rules_of, write_suite
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from soaking import examples
from support import verify
from verifications import HOSTILE, Page, verifications

from recon.demo import Club, DemoPaths, plant, write_bundle, write_sqlite
from recon.errors import OutputError
from recon.gx import GxResult, GxSuite, build_data_docs, validate
from recon.model import Outcome
from recon.report.page.frame import PageFrame
from recon.report.templates import source_hash
from recon.report.text import DRY_RUN, printable
from recon.rules import RULE_TYPE, Rule

if TYPE_CHECKING:
    from recon.model import Verification

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
LINKS = re.compile(r'(?:href|src)="([^"]*)"')
GX_TEMPLATES = ("$column must match $regex", "{{7*7}} $param ${x}", *HOSTILE)
REGEX = {"column": "email", "regex": "^[^@]+@[^@]+$"}


@pytest.fixture(scope="module")
def pages(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a club with faults; its own suite holds two stock expectations that fail."""
    tmp_path = tmp_path_factory.mktemp("pages")
    demo = DemoPaths(write_bundle(club, tmp_path / "bundle"), write_sqlite(club, tmp_path / "club.db"))
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    with closing(sqlite3.connect(demo.database)) as database, database:
        first = """(select min(id) from "Member")"""
        database.execute(
            f"""update "Member" set email = 'Xanthippe Smith', "firstName" = 'Quirinus' where id = {first}"""
        )
    own = write_suite(
        tmp_path / "own",
        entry("expect_column_values_to_match_regex", kwargs=REGEX, diagnosis=["Look at one"], escalate="It is bad"),
        entry("expect_column_values_to_match_regex", kwargs={"column": "first_name", "regex": "^never"}, id="names"),
    )
    verification, rules = verify(demo, expectations=[own]), rules_of(own)
    with loaded(demo, rules) as warehouse:
        result = validate(rules, warehouse, verification)
    return build_data_docs(result, verification, tmp_path / "docs").parent


def texts(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.html"))}


def shown(folder: Path) -> str:
    return "".join(texts(folder).values())


def made_up(verification: Verification) -> GxResult:
    """A result whose suites and rules are named as the checks are."""
    rules = tuple(_rule(check.id, text) for check, text in zip(verification.checks, GX_TEMPLATES, strict=False))
    by_suite = tuple(GxSuite(rule.title, rule.title, (rule,), success=False) for rule in rules)
    return GxResult(by_suite, {}, "1.24")


def _rule(check_id: str, text: str) -> Rule:
    return Rule(
        id=check_id,
        title=text,
        category=text,
        suite=text,
        file=Path("own.yaml"),
        type=RULE_TYPE,
        severity="critical",
        description=text,
        sql=f"select '{text}'\nfrom x",
        parameters={"p": text},
    )


def test_the_index_leads_to_two_pages_of_each_suite(pages: Path) -> None:
    names = ["01-counts", "02-tiers", "03-integrity", "04-import", "05-records", "06-policies", "07-own"]
    wanted = {"index.html", *(f"{kind}/{name}.html" for kind in ("expectations", "validations") for name in names)}
    assert set(texts(pages)) == wanted
    index = Page(texts(pages)["index.html"])
    assert index.rows("Suites")[-1] == ["own", "2", "0", "2", "0", "0", "rules"]
    assert [row[1] for row in index.rows("What Did Not Pass")][-2:] == ["Stock Check", "Stock Check"]
    assert len(index.rows("What Did Not Pass")) + len(index.rows("What Passed")) == 20


def test_every_link_leads_somewhere(pages: Path) -> None:
    for name, text in texts(pages).items():
        links = LINKS.findall(text)
        assert links
        for link in links:
            target, _, anchor = link.partition("#")
            page = ((pages / name).parent / target if target else pages / name).read_text(encoding="utf-8")
            assert not anchor or f'id="{anchor}"' in page


def test_a_check_stands_whole_on_its_page(pages: Path) -> None:
    own = Page(texts(pages)["validations/07-own.html"])
    assert [text.split()[:2] for level, text in own.headings if level == 3] == [["✕", "FAIL"], ["✕", "FAIL"]]
    for text in ("critical", "As it should be.", "1 of 60 values of members.email does not match regex", "Look at one"):
        assert text in own.text
    for text in ("Some are not", "Look at them", "It is bad", "Violating rows: 1", "the first 50 of 60"):
        assert text in own.text
    assert len(own.tables["What Did Not Pass"][1]) == 51


def test_what_to_know_first_stands_on_every_page(passed: Verification, tmp_path: Path) -> None:
    blind = replace(passed.checks[6], outcome=Outcome.WARN, message="They are not recorded")
    dry = replace(passed, dry_run=True, checks=(blind,))

    build_data_docs(made_up(dry), dry, tmp_path)

    made = texts(tmp_path)
    assert len(made) == 3
    for text in made.values():
        assert DRY_RUN in Page(text).text
    (results,) = (text for name, text in made.items() if name.startswith("validations"))
    assert blind.guidance.meaning == "ID collision"
    assert not {blind.guidance.meaning, blind.guidance.action} & {*re.findall(r"<dd>(.*?)</dd>", results)}
    assert "Nothing wrong was found; the message says what kept the check from passing" in results


def test_nothing_is_loaded_and_nothing_runs(pages: Path) -> None:
    for text in texts(pages).values():
        page = Page(text)
        assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "button"}
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        assert "://" not in "".join(value or "" for name, value in page.attributes if name in {"href", "src"})
        style = text.partition("<style>")[2].partition("</style>")[0]
        script = source_hash(PageFrame().script)
        assert f"default-src 'none'; style-src '{source_hash(style)}'; script-src '{script}'" in text
        assert not re.search(r"url\(|@import", style)
        assert ("lang", "en") in page.attributes
        assert page.tags >= {"header", "main", "footer", "nav", "h1", "h2"}


def test_nothing_unmasked_reaches_a_page(pages: Path) -> None:
    whole = shown(pages)
    assert "X***" in whole
    assert "Xanthippe" not in whole
    assert "Quirinus" not in whole
    assert "Q***" in whole
    assert ADDRESS.findall(whole) == []


def test_the_pages_are_small(pages: Path) -> None:
    assert sum(map(len, texts(pages).values())) < 450_000


@given(verification=verifications())
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_hostile_text_stays_text(tmp_path: Path, verification: Verification) -> None:
    build_data_docs(made_up(verification), verification, tmp_path)
    for text in texts(tmp_path).values():
        assert not Page(text).tags & {"script", "img", "svg", "failure", "testcase"}


def test_names_of_templates_and_files_stay_text(passed: Verification, tmp_path: Path) -> None:
    checks = tuple(
        replace(passed.checks[0], id=f"c{n}", name=text, message=text, description=text)
        for n, text in enumerate(GX_TEMPLATES)
    )
    hostile = replace(passed, checks=checks)
    build_data_docs(made_up(hostile), hostile, tmp_path)
    assert {file.parent.name for file in tmp_path.rglob("*.html")} == {tmp_path.name, "validations", "expectations"}
    assert max(len(file.name) for file in tmp_path.rglob("*.html")) < 70
    first = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    shown_names: list[Any] = [row[1] for row in first.rows("What Passed")]
    assert shown_names == [" ".join(printable(text).split()) for text in GX_TEMPLATES]


def test_a_page_that_cannot_be_written_is_reported(passed: Verification, tmp_path: Path) -> None:
    (tmp_path / "docs").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        build_data_docs(made_up(passed), passed, tmp_path / "docs")
