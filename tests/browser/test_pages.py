"""Pages as people open them: in a real browser, from files, in light and dark, on a screen and on a phone."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urldefrag, urlsplit

import duckdb
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import PATIENCE_MS, launched_browser
from crowded_sheets import crowded
from guided_migrations import attempt, hostile, write_migration
from msgspec.structs import replace
from shared_runs import HOSTILE

import recon
from recon.model import Fact, Verdict
from recon.preflight.assessing import Step, assess
from recon.report.changes.output import changes_text
from recon.report.go_no_go.sheet import render
from recon.report.go_no_go.verdict import SheetRun
from recon.report.json import render as as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Dialog, Page
    from shared_runs import WholeRun

    from recon.model import Verification

pytestmark = pytest.mark.browser
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
PAGES = {
    "home": "site/index.html",
    "report": "site/runs/{name}/report.html",
    "sheet": "site/runs/{name}/go-no-go.html",
    "data-docs": "site/runs/{name}/data_docs/index.html",
    "results": "site/runs/{name}/data_docs/validations/*-names.html",
    "rules": "site/runs/{name}/data_docs/expectations/*-names.html",
    "verify": "{name}/verify.html",
    "changes": "{name}/changes.html",
    "guided": "{name}/guided/site/index.html",
    "migration": "{name}/guided/site/runs/*-migration-club/index.html",
}
"""The kinds of pages, each with one of it."""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SCROLLED = """() => [...document.querySelectorAll('main *')].filter(e => {
  const style = getComputedStyle(e);
  return e.tagName !== 'PRE' && ['auto', 'scroll'].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1;
}).map(e => e.outerHTML.slice(0, 120))"""
FOCUS = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return at === document.body ? null : [at.tagName, style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched_browser() as started:
        yield started


@pytest.fixture(scope="module")
def site(whole_run: WholeRun) -> Path:
    """The folder of outputs of the shared run, with other pages as the commands write them."""
    verification = recon.load_verification(whole_run.folder.verification)
    recon.write_report(verification, "html", whole_run.folder.path / "verify.html")
    with TemporaryDirectory() as folder:
        before = shutil.copytree(whole_run.folder.path, Path(folder) / "before")
        with duckdb.connect(str(before / "snapshot.duckdb")) as snapshot:
            snapshot.execute("delete from checks.findings where check_id = 'plain_names'")
            snapshot.execute("update checks.findings set fingerprint = '' where entity = 'members'")
        changes = recon.diff_runs(before, whole_run.folder.path, show_pii=True)
    page = changes_text(changes, "html")
    (whole_run.folder.path / "changes.html").write_text(page, encoding="utf-8")
    write_guided(whole_run.folder.path)
    return Path(whole_run.outputs)


def write_guided(folder: Path) -> None:
    """Write the site of an open migration, in which every text of people and programs is hostile."""
    told = hostile(" ".join(HOSTILE[:4]))
    running = attempt("verify", 7, gate=None, duration_ms=None)
    assessed = assess("vehicle", "Vehicle", [Step("vehicle", "Vehicle", lambda: iter([Fact("Wheels", "4")]))])
    guided = folder / "guided"
    guided.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder) as outputs:
        write_migration(Path(outputs), replace(told, steps=(*told.steps[:7], running)), assessed)
        recon.build_site(outputs)
        # Another process may have written it already.
        with suppress(OSError):
            Path(outputs, "site").rename(guided / "site")


def place_of(kind: str, site: Path, whole_run: WholeRun) -> Path:
    return next(iter(site.glob(PAGES[kind].format(name=whole_run.name))))


class Visit:
    """A page in a browser of its own, and all that it did."""

    def __init__(self, browser: Browser, place: Path, size: dict[str, int], scheme: str = "light") -> None:
        self.context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type] # as documented
        self.context.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.said: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.goto(place.as_uri())

    def _dismiss(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, site: Path, whole_run: WholeRun) -> Iterator[Callable[[str], Visit]]:
    """Opens a page on a wide screen, once for all tests that only look at it or move in it."""
    with ExitStack() as opened:

        @cache
        def make(kind: str) -> Visit:
            return opened.enter_context(Visit(browser, place_of(kind, site, whole_run), WIDE))

        yield make


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_renders_and_asks_for_nothing(
    kind: str, visit: Callable[[str], Visit], site: Path, whole_run: WholeRun
) -> None:
    found = visit(kind)
    assert found.page.locator("h1").first.is_visible()
    assert len(found.page.inner_text("main")) > 200
    assert found.said == []
    asked = [url for url in found.requests if not url.startswith("data:")]
    assert asked == [place_of(kind, site, whole_run).as_uri()]
    assert found.page.evaluate("window.pwned") is None
    broken = "[...document.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.alt)"
    assert found.page.evaluate(broken) == []


@pytest.mark.parametrize("kind", PAGES)
def test_the_links_of_a_page_lead_somewhere(kind: str, visit: Callable[[str], Visit]) -> None:
    page = visit(kind).page
    links = page.eval_on_selector_all("a[href]", "found => found.map(a => a.href)")
    assert links
    for link in links:
        address, fragment = urldefrag(link)
        assert address.startswith("file://"), link
        assert Path(unquote(urlsplit(address).path)).is_file(), link
        if fragment and address == page.url.partition("#")[0]:
            assert page.locator(f"[id='{unquote(fragment)}']").count() == 1, link


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_fit_for_everybody(kind: str, scheme: str, browser: Browser, site: Path, whole_run: WholeRun) -> None:
    size = WIDE if scheme == "light" else PHONE
    with Visit(browser, place_of(kind, site, whole_run), size, scheme) as visit:
        found = Axe().run(visit.page).response["violations"]
        assert [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found] == []


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_fits_a_phone(kind: str, browser: Browser, site: Path, whole_run: WholeRun) -> None:
    with Visit(browser, place_of(kind, site, whole_run), PHONE) as visit:
        assert visit.page.evaluate(OVERFLOW) <= 0
        assert visit.page.evaluate(SCROLLED) == []


def test_what_is_folded_opens_where_a_link_leads(visit: Callable[[str], Visit]) -> None:
    page = visit("data-docs").page
    folded = page.locator("details.passes")
    assert not folded.locator("table").is_visible()
    folded.locator("summary").click()
    assert folded.locator("table").is_visible()
    folded.locator("summary").click()


def test_a_page_is_searched_without_a_network(browser: Browser, site: Path, whole_run: WholeRun) -> None:
    with Visit(browser, place_of("report", site, whole_run), WIDE) as visit:
        page = visit.page
        box, kind = page.get_by_role("searchbox"), page.get_by_role("combobox")
        checks = page.locator("main article")
        every = checks.count()
        assert every > 3

        name = checks.last.locator("h3 bdi").inner_text()
        box.fill(name.upper())
        assert name in page.locator("main article:visible h3").first.inner_text()
        assert 0 < page.locator("main article:visible").count() < every
        assert page.get_by_role("status").inner_text().endswith("found")
        box.fill("no such word anywhere")
        assert page.locator("main article:visible").count() == 0
        assert page.get_by_role("status").inner_text() == "Nothing found"
        box.press("Escape")
        assert page.locator("main article:visible").count() == every

        kind.select_option("WARN")
        shown = page.locator("main article:visible")
        assert shown.count() > 0
        assert {shown.nth(number).get_attribute("data-outcome") for number in range(shown.count())} == {"WARN"}
        kind.select_option("PASS")
        assert page.locator("main details.passes table").is_visible()
        assert visit.requests == [place_of("report", site, whole_run).as_uri()]
        assert visit.said == []


def test_the_contents_stay_in_view_and_are_a_menu_on_a_phone(browser: Browser, site: Path, whole_run: WholeRun) -> None:
    place = place_of("report", site, whole_run)
    with Visit(browser, place, WIDE) as visit:
        visit.page.get_by_role("navigation", name="Contents").get_by_text("Environment").click()
        assert visit.page.get_by_role("navigation", name="Contents").get_by_text("Environment").is_visible()
        assert visit.page.evaluate("document.querySelector('.contents').getBoundingClientRect().top") >= 0
        assert not visit.page.locator(".menu").is_visible()
    with Visit(browser, place, PHONE) as visit:
        assert not visit.page.locator(".contents").is_visible()
        menu = visit.page.locator(".menu")
        menu.locator("summary").click()
        menu.get_by_text("Environment").click()
        assert visit.page.evaluate("document.querySelector('.menu').getBoundingClientRect().top") == 0
        assert not menu.get_by_text("Environment").is_visible()


@pytest.mark.parametrize("kind", ["home", "report", "results"])
def test_a_page_reads_without_scripts(kind: str, browser: Browser, site: Path, whole_run: WholeRun) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=WIDE)  # type: ignore[arg-type] # as documented
    page = context.new_page()
    page.goto(place_of(kind, site, whole_run).as_uri())
    assert page.locator("h1").is_visible()
    assert page.locator(".identity").is_visible()
    assert page.get_by_role("navigation", name="Contents").first.is_visible()
    assert page.get_by_role("searchbox").count() == 0
    folded = page.locator("main details, .menu details" if kind != "home" else ".menu details").last
    if kind == "home":
        page.set_viewport_size(PHONE)  # type: ignore[arg-type] # as documented
    folded.locator("summary").click()
    assert folded.get_attribute("open") is not None
    context.close()


def test_the_pages_of_a_run_lead_to_each_other_and_home(visit: Callable[[str], Visit]) -> None:
    for kind in ("report", "sheet", "data-docs", "results", "rules"):
        page = visit(kind).page
        links = page.eval_on_selector_all("nav a[href]", "found => found.map(a => a.href)")
        names = {unquote(urlsplit(link).path).split("/runs/")[-1].partition("/")[2] for link in links}
        others = {"report": "report.html", "sheet": "go-no-go.html", "data-docs": "data_docs/index.html"}
        assert {file for name, file in others.items() if name != kind} <= names, kind
        assert sum(unquote(urlsplit(link).path).endswith("/site/index.html") for link in links) == 1, kind


@pytest.mark.parametrize("kind", ["home", "report", "data-docs"])
def test_the_keyboard_reaches_what_can_be_opened(kind: str, visit: Callable[[str], Visit]) -> None:
    page, reached = visit(kind).page, []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUS))
    assert "A" in {at[0] for at in reached if at}
    assert all(at[1] for at in reached if at)


CHARTS = """() => [...document.querySelectorAll('.chart')].map(chart => {
  const drawings = [...chart.querySelectorAll('svg')].filter(drawing => drawing.getClientRects().length);
  const edges = drawings[0].getBoundingClientRect(), texts = [...drawings[0].querySelectorAll('text')];
  return {
    drawings: drawings.length,
    width: edges.width / chart.getBoundingClientRect().width,
    size: Math.min(...texts.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)),
    outside: texts.map(text => [text.getBoundingClientRect(), text.textContent])
      .filter(([at]) => at.left < edges.left - 1 || at.right > edges.right + 1).map(found => found[1]),
    fonts: new Set(texts.map(text => getComputedStyle(text).fontFamily)).size,
    font: getComputedStyle(texts[0]).fontFamily,
  };
})"""


@pytest.mark.parametrize("size", [WIDE, {"width": 801, "height": 900}, PHONE, {"width": 360, "height": 800}])
def test_the_text_of_charts_is_the_pages_and_large_enough(size: dict[str, int], visit: Callable[[str], Visit]) -> None:
    page = visit("report").page
    page.set_viewport_size(size)  # type: ignore[arg-type] # as documented
    charts = page.evaluate(CHARTS)
    font = page.evaluate("getComputedStyle(document.body).fontFamily")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type] # as documented
    assert len(charts) == 7
    assert {(chart["drawings"], chart["fonts"], chart["font"]) for chart in charts} == {(1, 1, font)}
    assert min(chart["size"] for chart in charts) >= 11
    assert min(chart["width"] for chart in charts) > 0.98
    assert [text for chart in charts for text in chart["outside"]] == []


def test_the_index_lists_every_run(visit: Callable[[str], Visit]) -> None:
    page = visit("home").page
    assert page.locator("tbody tr").count() == 2
    assert "FAILED" in page.locator("tbody tr").first.inner_text()
    assert "PASSED" in page.locator("tbody tr").last.inner_text()


@pytest.mark.parametrize("kind", ["report", "verify", "results", "migration"])
def test_what_people_wrote_is_seen_as_text(kind: str, visit: Callable[[str], Visit]) -> None:
    seen = visit(kind).page.inner_text("main")
    assert "<script>window.pwned=1</script>" in seen
    assert '"><img src=x onerror=window.pwned=1>' in seen
    assert "{{7*7}}" in seen
    assert "\\u202e" in seen


# Millimetres at 96 pixels to the inch.
PAPERS = {"A4": {"width": 793, "height": 1122}, "Letter": {"width": 816, "height": 1056}}
TEXTS = {
    "hostile": "",
    "long word": "W" * 10_000,
    "right to left": "שלום עולם " * 1_000,
    "wide": "会員登録" * 2_500,
    "lines": "a\n" * 5_000,
}
IS_CUT = "all => all.map(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)"


def assert_two_pages(browser: Browser, sheet: Path) -> None:
    """Print the sheet on both papers: two pages, of which nothing is cut but texts that say so."""
    for paper, size in PAPERS.items():
        with Visit(browser, sheet, size) as visit:
            printed = visit.page.pdf(format=paper, prefer_css_page_size=True)
            visit.page.emulate_media(media="print")
            are_cut = visit.page.eval_on_selector_all(".sheet, .found, .signing", IS_CUT)
            assert (paper, len(re.findall(rb"/Type\s*/Page\b", printed)), are_cut) == (paper, 2, [False] * 4)


def test_a_sheet_prints_on_two_pages_of_which_nothing_is_cut(
    browser: Browser, whole_run: WholeRun, passed: Verification, tmp_path: Path
) -> None:
    run = msgspec.json.decode(as_json(passed), type=SheetRun)
    (tmp_path / "crowded.html").write_text(render(*crowded(run)), encoding="utf-8")
    for sheet in (whole_run.folder.path / "go-no-go.html", tmp_path / "crowded.html"):
        assert_two_pages(browser, sheet)


@pytest.mark.soak
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("number", [1, 3, 40])
def test_a_sheet_prints_on_two_pages_whatever_it_says(
    browser: Browser, passed: Verification, tmp_path: Path, text: str, number: int
) -> None:
    run, proof, way_back, decide_by = crowded(msgspec.json.decode(as_json(passed), type=SheetRun), number, text)
    sheet = tmp_path / "sheet.html"
    held = replace(run, verdict=Verdict.PASSED, escalation=replace(run.escalation, required=True))
    sheet.write_text(render(held if number == 1 else run, proof, way_back, decide_by), encoding="utf-8")
    assert_two_pages(browser, sheet)
    for size in (WIDE, PHONE):
        with Visit(browser, sheet, size, "dark") as visit:
            assert visit.page.evaluate(OVERFLOW) == 0
