"""What the project promises about itself: names, options, checks, suites and the README agree."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import pydoc
import re
import sqlite3
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import pytest
import yaml
from support import CHECKOUT, check_of, verify

import recon
from notebooks import NOTEBOOK
from recon.cli import COMMANDS
from recon.demo import FAULTS
from recon.errors import SuiteError
from recon.profile import load_profile
from recon.profile.formats import ColumnEntry, KeyPartEntry, OnlyEntry, ProfileFile, RunEntry, TableEntry
from recon.profile.model import NORMALISERS, PERSONAL, TRUNCATIONS, TYPES
from recon.report.markdown import SHOWN_ROWS
from recon.rules import RULE_TYPE, Rule, load_rules, shipped_folder
from recon.verification.options import OPTIONS

if TYPE_CHECKING:
    from types import ModuleType

    from recon.demo import DemoPaths

README = CHECKOUT / "README.md"
PACKAGE = CHECKOUT / "recon"
GUIDE = CHECKOUT / "docs" / "profiles.md"
VERIFYING = CHECKOUT / "docs" / "verify.md"
INDEX = CHECKOUT / "docs" / "README.md"
GUIDES = sorted({*INDEX.parent.glob("*.md")} - {INDEX})
PAGES = [README, CHECKOUT / "CONTRIBUTING.md", INDEX, *GUIDES, CHECKOUT / "outputs" / "README.md"]
WRITTEN_BY_THE_BENCHMARK = INDEX.with_name("performance.md")
RULES = load_rules([shipped_folder("expectations")])
OPTIONAL = ("target.id_mappings", "target.runs", "target.tiers", "target.members.tier_id")
# What a command that assesses something gets with its reports.
REPORTING = {"places", "format_names", "verbose", "fail_on"}
CHECKS_OF_THE_RUNBOOK = [
    "Member Count",
    "Event Count",
    "Registration Count",
    "Tier Distribution",
    "Tier Coverage",
    "Orphaned Registrations",
    "Duplicate ID Mappings",
    "Run ID Match",
]


def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def command_of(name: str) -> click.Command:
    command: click.Command = importlib.import_module(COMMANDS[name][0]).command
    return command


def every_command() -> list[click.Command]:
    """The commands that do something: those of a group instead of the group."""
    named = [command_of(name) for name in COMMANDS]
    return [c for found in named for c in (found.commands.values() if isinstance(found, click.Group) else [found])]


def test_the_public_names_are_all_there() -> None:
    assert sorted(recon.__all__) == recon.__dir__()
    for name in recon.__all__:
        assert getattr(recon, name).__doc__ or name in {"FAULTS", "FORMATS"}
    with pytest.raises(AttributeError, match="nonsense"):
        recon.nonsense  # noqa: B018


def test_help_is_to_be_had_of_the_package_and_of_every_class() -> None:
    assert "Rule" in pydoc.render_doc(recon)
    names = [found.name for found in pkgutil.walk_packages(recon.__path__, "recon.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    classes = {thing for module in modules for thing in vars(module).values() if inspect.isclass(thing)}
    own = [thing for thing in classes if thing.__module__.startswith("recon.")]
    assert len(own) > 100
    assert all(thing.__name__ in pydoc.render_doc(thing) for thing in own)


def test_no_two_classes_share_a_name() -> None:
    found = Counter(re.findall(r"^class (\w+)", "\n".join(map(source, PACKAGE.rglob("*.py"))), flags=re.MULTILINE))
    assert found.total() > 100
    assert [name for name, times in found.items() if times > 1] == []


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_every_option_is_a_parameter_and_back(command: click.Command) -> None:
    assert command.callback is not None
    parameters = {parameter.name for parameter in command.params}
    signature = inspect.signature(inspect.unwrap(command.callback)).parameters
    own = {name for name, parameter in signature.items() if parameter.kind is not parameter.VAR_KEYWORD}
    hands_on = len(own) < len(signature)
    own |= REPORTING if parameters >= REPORTING and not own & REPORTING else set()
    expected = own - {"options"} | {"bundle", *OPTIONS} if "options" in own else own
    # Options that are handed on whole reach a class of options, which refuses those that it does not know.
    assert parameters == expected or (hands_on and parameters > expected)
    options = [parameter for parameter in command.params if not isinstance(parameter, click.Argument)]
    assert options
    assert all(isinstance(option, click.Option) and option.help for option in options)


def test_every_judging_option_is_declared_once_for_all_that_offer_it() -> None:
    for command in map(command_of, ("verify", "run")):
        offered = {parameter.name: parameter for parameter in command.params if parameter.name in OPTIONS}
        defaults: dict[str, Any] = {
            name: offered[name].get_default(command.make_context("x", ["-b", "b"])) for name in OPTIONS
        }
        assert recon.VerifyOptions("b", **defaults) == recon.VerifyOptions("b")
    not_offered = {"bundle", "shipped_suites", "distributions", "environment"}
    assert {each.name for each in fields(recon.VerifyOptions)} == {*OPTIONS} | not_offered


def test_the_notebook_has_a_parameter_for_every_option_that_it_offers() -> None:
    cells = {cell["id"]: cell["source"] for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}
    declared: dict[str, Any] = {}
    exec(cells["parameters"], declared)  # noqa: S102 - the cell is ours
    given = recon.VerifyOptions("b").notebook_parameters(Path())
    names = {name for name in declared if not name.startswith("__")}
    assert names == {*given, "database", "outputs", "raise_on_failure"}
    for name in {*given, "database"}:
        assert re.search(rf"\b{name}={name}\b", cells["verify"]), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_is_in_the_readme(name: str) -> None:
    assert command_of(name).get_short_help_str(limit=200) == COMMANDS[name][1]
    assert f"`recon {name}`" in source(README)


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_every_option_is_in_the_readme(command: click.Command) -> None:
    named = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]
    assert [name for name in named if f"`{name}`" not in source(README)] == []


def test_the_runbooks_checks_come_first_and_in_its_order() -> None:
    assert [rule.title for rule in RULES][:8] == CHECKS_OF_THE_RUNBOOK
    assert [rule.title for rule in RULES][8:10] == ["ID Mappings", "Import Completed"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_check_has_a_planted_fault(rule: Rule) -> None:
    assert rule.id in {fault.check for fault in FAULTS.values()}


def test_the_shipped_suites_hold_rules_of_ours_only() -> None:
    assert {rule.type for rule in RULES} == {RULE_TYPE}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_that_could_find_nothing_says_what_then(rule: Rule) -> None:
    optional = [name for name in rule.reads if name.startswith(OPTIONAL)]
    assert not optional or rule.when_missing is not None


def test_no_code_branches_on_a_check() -> None:
    # A check and a table may share a name.
    ids = {rule.id for rule in RULES} - {table.name for table in load_profile().tables}
    code = [path for path in (CHECKOUT / "recon").rglob("*.py") if "demo" not in path.parts]
    assert len(code) > 20
    found = {(path.name, check) for path in code for check in ids if check in path.read_text(encoding="utf-8")}
    assert found == set()


def test_ids_and_orders_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len({rule.order for rule in RULES}) == len(RULES)


def test_every_suite_names_itself_after_its_file() -> None:
    for path in shipped_folder("expectations").glob("*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == path.stem


def test_the_readme_stays_short() -> None:
    assert len(source(README).splitlines()) <= 150
    assert SHOWN_ROWS == 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_what_a_page_links_or_names_is_there(page: Path) -> None:
    text = source(page)
    links = [page.parent / link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    named = [CHECKOUT / path for path in re.findall(r"\b(?:recon|docs|tests|expectations|notebooks)/[\w./-]*\w", text)]
    assert [path for path in (*links, *named) if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_no_page_names_a_machine_or_a_host(page: Path) -> None:
    assert re.findall(r"https?://\S+|(?<![\w.])/(?:home|root|work|tmp|opt)/\S*", source(page)) == []


def test_the_index_lists_every_guide() -> None:
    links = re.findall(r"\]\(([\w.-]+\.md)\)", source(INDEX))
    assert sorted(links) == [path.name for path in GUIDES]


def test_every_guide_begins_with_what_its_reader_wants() -> None:
    written = [path for path in GUIDES if path != WRITTEN_BY_THE_BENCHMARK]
    assert [path.name for path in written if not re.match(r"# .+\n\nYou (want|have)\b", source(path))] == []


def script_of(name: str) -> ModuleType:
    """A script of docs/, which is no package."""
    return importlib.import_module(name)


def test_the_map_is_that_of_the_contracts_and_of_the_packages() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    parts = {path.name for path in PACKAGE.iterdir() if not path.name.startswith("__") and path.suffix != ".typed"}
    assert set(re.findall(r"^\| \d+ \| `([\w.]+)/?` \|", text, flags=re.MULTILINE)) == parts
    assert len(parts) <= 26
    assert script_of("layout").with_map(text) == text


@pytest.mark.usefixtures("pages_in_process")
@pytest.mark.parametrize("page, blocks, passes", [(README, 1, 1), (VERIFYING, 3, 26)], ids=["readme", "verify"])
def test_the_output_on_both_pages_is_that_of_this_version(page: Path, blocks: int, passes: int) -> None:
    text = source(page)
    assert (text.count("<!-- begin: "), text.count("  [PASS] ")) == (blocks, passes)
    assert script_of("readme_output").with_output(text) == text


@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_profile_and_output_are_those_of_this_version() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert (text.count("[PASS]"), text.count("can be evaluated")) > (10, 10)
    assert script_of("profiles_output").with_output(text) == text


def test_the_guide_describes_every_key_of_a_profile() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    entries = (ProfileFile, TableEntry, ColumnEntry, OnlyEntry, KeyPartEntry, RunEntry)
    keys = {field.name for entry in entries for field in msgspec.structs.fields(entry)} | {"tables", "runs"}
    words = (*NORMALISERS, *TRUNCATIONS, *TYPES, *PERSONAL, *(table.name for table in load_profile().tables))
    assert [word for word in (*keys, *words) if not re.search(rf"`{word}\b|\b{word} =|\[+{word}\b", text)] == []


@pytest.mark.parametrize("name", ["init", "check"])
def test_every_command_of_profile_has_help_options_and_a_place_in_the_guide(name: str) -> None:
    group = command_of("profile")
    assert isinstance(group, click.Group)
    assert sorted(group.commands) == ["check", "init"]
    command = group.commands[name]
    assert command.callback is not None
    assert {option.name for option in command.params} == set(inspect.signature(command.callback).parameters)
    assert all(isinstance(option, click.Option) and option.help for option in command.params)
    assert command.get_short_help_str(limit=200)
    assert f"recon profile {name}" in GUIDE.read_text(encoding="utf-8")


def example_rule(folder: Path) -> Path:
    """The contributing guide's example as a suite of its own."""
    guide = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    entry = guide.partition("```yaml\n")[2].partition("```")[0]
    folder.mkdir()
    (folder / "own.yaml").write_text(f"name: own\nexpectations:\n{entry}", encoding="utf-8")
    return folder


def test_the_contributing_guides_example_is_a_check_that_can_fail(demo: DemoPaths, tmp_path: Path) -> None:
    folders = [example_rule(tmp_path / "own")]
    clean = check_of(verify(demo, expectations=folders), "event_times")
    assert (clean.outcome, clean.message) == ("PASS", "All 12 events end after they start")
    with sqlite3.connect(demo.database) as database:
        database.execute("""update "Event" set "endTime" = '2001-01-01 10:00:00' where rowid = 3""")
    failed = check_of(verify(demo, expectations=folders), "event_times")
    assert (failed.outcome, failed.message) == ("FAIL", "Found 1 event with an early end")
    assert failed.violations.height == 1


@pytest.mark.parametrize("fallback", ["when_missing", "when_empty"])
def test_a_check_with_nothing_to_look_at_cannot_be_declared_a_pass(fallback: str, tmp_path: Path) -> None:
    file = example_rule(tmp_path / "own") / "own.yaml"
    text = file.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith(fallback))
    file.write_text(text.replace(line, line.replace("outcome: WARN", "outcome: PASS")), encoding="utf-8")
    with pytest.raises(SuiteError, match="PASS as the outcome of a check that has nothing to look at"):
        load_rules([file.parent])
