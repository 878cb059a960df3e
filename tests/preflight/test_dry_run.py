from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from shutil import copyfile, copytree, make_archive
from sqlite3 import connect
from typing import TYPE_CHECKING, Any

import pytest
from dry_runs import Asked, ask, asked_after, completed, dry_club, options_of
from support import SAMPLES, edit_report

from recon.demo import DemoPaths, write_exports
from recon.errors import BundleError
from recon.preflight.dry_run import DryRunOptions
from recon.preflight.dry_run.records import REQUIRED, required_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edited_clubs import EditedClub

SMALL = {"members": 12, "events": 6, "registrations": 30}
# The club of the fixtures in conftest.
CONFTEST = {"members": 60, "events": 12, "registrations": 150}
NOT_COMPARED = {"exports": "WARN"}
OF_DATABASE = ("created", "updated", "parents", "size", "tiers")
OF_RECORDS = ("duplicate_ids", "duplicate_emails", "required")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """The dry run of an import into an empty database; no test may change it."""
    return dry_club().write(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def asked(first: DemoPaths) -> Asked:
    return ask(options_of(first))


def changed(folder: Path, first: DemoPaths, change: Callable[[dict[str, Any]], object], until: str) -> Asked:
    """What is found after a change of the report, until that check."""
    bundle = copytree(first.bundle, folder / "bundle")
    edit_report(bundle, change)
    return ask(options_of(DemoPaths(bundle, first.database)), until=until)


def exported(folder: Path) -> Path:
    """The folder of the exports that the small club was imported from."""
    club = dry_club(size=SMALL)
    bundle = club.write(folder / "exported").bundle
    write_exports(club.club, bundle)
    for name in ("migration-report.json", "migration-config.json", "policy-bundle.json"):
        (bundle / name).unlink()
    return bundle


def test_a_first_import_passes_and_says_what_the_tables_would_hold(asked: Asked) -> None:
    assert asked.unpassed == NOT_COMPARED
    assert asked.facts["Members"].startswith("60 created, 0 updated")
    assert asked.facts["Members afterwards"] == "60 (0 present, 60 created, 0 updated)"
    assert asked.facts["Registrations afterwards"] == "300 (0 present, 300 created, 0 updated)"
    tiers = {label: int(value) for label, value in asked.facts.items() if label.startswith("Tier ")}
    assert sum(tiers.values()) == 60
    assert len(tiers) > 3
    assert asked.message("created") == "None of 410 rows to create is there"


def test_a_repeated_import_passes_and_creates_nothing(tmp_path: Path) -> None:
    found = asked_after(tmp_path, lambda _: None, is_empty=False)
    assert found.unpassed == NOT_COMPARED
    assert found.facts["Events afterwards"] == "50 (50 present, 0 created, 50 updated)"
    assert (found.message("created"), found.message("updated")) == (
        "None to create",
        "All of 410 rows to update are there",
    )


def test_the_tiers_afterwards_are_those_that_a_real_import_leaves(asked: Asked, tmp_path: Path) -> None:
    club = dry_club(is_empty=False)
    codes = {row["id"]: row["code"] for row in club.club.tables["MembershipTier"]}
    left = [codes.get(row["membershipTierId"], "(none)") for row in club.rows("members")]
    repeated = ask(options_of(club.write(tmp_path)))
    for facts in (asked.facts, repeated.facts):
        told = {label.split()[1]: int(value) for label, value in facts.items() if label.startswith("Tier ")}
        assert told == {code: left.count(code) for code in set(left)}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
def test_a_real_importers_dry_run_is_understood(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    found = ask(DryRunOptions(SAMPLES / "dry-run", str(tmp_path / "none.db"), now=now, environment={}))
    expected = dict.fromkeys(OF_DATABASE, "ERROR") | {"exports": "WARN", "config": "WARN"}
    assert found.unpassed == expected
    assert "none.db" in found.message("created")
    assert found.message("size") == "The database was not read: see Rows to Create"
    assert found.facts["Members"] == "5 created, 0 updated, 0 skipped, 0 errors"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
def test_the_real_run_and_its_short_form_are_no_dry_runs(tmp_path: Path) -> None:
    for name, unlisted in (("live", False), ("live-short", True)):
        found = ask(DryRunOptions(SAMPLES / name, str(tmp_path / "none.db"), environment={}))
        assert (found.outcome("kind"), found.message("kind")) == (
            "FAIL",
            "This bundle is not of a dry run: dryRun is false",
        )
        assert [found.outcome(one) for one in OF_RECORDS] == ["ERROR" if unlisted else "PASS"] * 3


def test_what_the_short_form_does_not_tell_is_never_a_pass(tmp_path: Path) -> None:
    def shorten(club: EditedClub) -> None:
        for entity in REQUIRED:
            club.shorten(entity)

    found = asked_after(tmp_path, shorten, size=SMALL)
    not_known = (*OF_RECORDS, "created", "updated", "parents", "tiers")
    assert found.unpassed == dict.fromkeys(not_known, "ERROR") | NOT_COMPARED
    assert all("--exports" in found.message(name) for name in not_known)
    assert found.facts["Members afterwards"] == "12 (0 present, 12 created, 0 updated)"


def test_exports_stand_for_records_that_are_not_listed(tmp_path: Path) -> None:
    exports = exported(tmp_path)
    club = dry_club(size=SMALL)
    for entity in REQUIRED:
        club.shorten(entity)
    found = ask(options_of(club.write(tmp_path), exports=exports))
    assert [found.outcome(name) for name in (*OF_RECORDS, "exports", "size", "tiers")] == ["PASS"] * 6
    assert [found.outcome(name) for name in ("created", "updated", "parents")] == ["ERROR"] * 3
    assert "do not state which rows" in found.message("created")


def test_counts_are_compared_exactly_with_the_exports(tmp_path: Path) -> None:
    exports = exported(tmp_path)
    paths = dry_club(size=SMALL).write(tmp_path)
    assert ask(options_of(paths, exports=exports), until="exports").outcome("exports") == "PASS"
    file = next(file for file in exports.iterdir() if "event" in file.name and "reg" not in file.name)
    text = file.read_text(encoding="utf-8")
    file.write_text(text + text.splitlines(keepends=True)[-1], encoding="utf-8")
    found = ask(options_of(paths, exports=exports), until="exports")
    assert found.outcome("exports") == "FAIL"
    assert f"{file.name} holds 7, read were 6" in found.message("exports")
    file.unlink()
    found = ask(options_of(paths, exports=exports), until="exports")
    assert (found.outcome("exports"), "without an export: events" in found.message("exports")) == ("WARN", True)


def test_exports_beside_the_report_are_found(tmp_path: Path) -> None:
    paths = dry_club(size=SMALL).write(tmp_path)
    for file in exported(tmp_path).glob("*.csv"):
        copyfile(file, paths.bundle / file.name)
    assert ask(options_of(paths)).unpassed == {}


def test_a_folder_without_exports_is_an_error_of_that_check_alone(first: DemoPaths, tmp_path: Path) -> None:
    assert ask(options_of(first, exports=tmp_path / "none"), until="config").unpassed == {"exports": "ERROR"}


@pytest.mark.parametrize(
    "age,outcome",
    [
        (timedelta(hours=24), "PASS"),
        (timedelta(hours=24, seconds=1), "FAIL"),
        (timedelta(0), "PASS"),
        (timedelta(seconds=-60), "PASS"),
        (timedelta(seconds=-61), "FAIL"),
        (timedelta(days=400), "FAIL"),
    ],
)
def test_the_age_is_limited_and_not_negative(first: DemoPaths, age: timedelta, outcome: str) -> None:
    found = ask(options_of(first, now=completed(first) + age), until="age")
    assert found.outcome("age") == outcome
    assert ("check the clocks" in found.message("age")) == (age < timedelta(seconds=-60))


def test_the_limit_of_the_age_is_an_option(first: DemoPaths) -> None:
    old = completed(first) + timedelta(hours=30)
    assert ask(options_of(first, now=old, max_age_h=48), until="age").outcome("age") == "PASS"
    assert "allowed are 0.5 h" in ask(options_of(first, max_age_h=0.5), until="age").message("age")


def test_an_importer_that_died_has_no_age(first: DemoPaths, tmp_path: Path) -> None:
    found = changed(tmp_path, first, lambda report: report.pop("completedAt"), "age")
    assert (found.outcome("age"), found.message("age")) == (
        "FAIL",
        "The dry run did not complete: its report has no completedAt",
    )


@pytest.mark.parametrize(
    "change,outcome,words",
    [
        (lambda c: c, "PASS", "The same configuration"),
        (lambda c: dict(reversed(c.items())), "PASS", "The same configuration"),
        (
            lambda c: c | {"import_options": c["import_options"] | {"batch_size": 7}},
            "FAIL",
            "import_options.batch_size",
        ),
        (lambda c: c | {"secret": "s3cret"}, "FAIL", "another one: secret"),
        (lambda c: {k: v for k, v in c.items() if k != "member_fields"}, "FAIL", "another one: member_fields"),
        (lambda c: c | {"import_options": None}, "FAIL", "another one: import_options"),
    ],
)
def test_the_run_to_come_has_the_same_configuration(
    first: DemoPaths, tmp_path: Path, change: Callable[[dict[str, Any]], object], outcome: str, words: str
) -> None:
    config = json.loads((first.bundle / "migration-config.json").read_text(encoding="utf-8"))
    other = tmp_path / "migration-config.json"
    other.write_text(json.dumps(change(config), indent=7), encoding="utf-8")
    found = ask(options_of(first, config=tmp_path if outcome == "PASS" else other), until="config")
    assert found.outcome("config") == outcome
    assert words in found.message("config")
    assert "s3cret" not in repr(found.checks)


@pytest.mark.parametrize("text", ["", "[]", "{", None])
def test_a_configuration_that_cannot_be_read_is_an_error_of_that_check_alone(
    first: DemoPaths, tmp_path: Path, text: str | None
) -> None:
    other = tmp_path / "other.json"
    if text is not None:
        other.write_text(text, encoding="utf-8")
    assert ask(options_of(first, config=other), until="config").unpassed == NOT_COMPARED | {"config": "ERROR"}


def test_without_a_configuration_on_either_side_nothing_is_compared(first: DemoPaths, tmp_path: Path) -> None:
    assert ask(options_of(first, config=None), until="config").outcome("config") == "WARN"
    bundle = copytree(first.bundle, tmp_path / "bundle")
    (bundle / "migration-config.json").unlink()
    named = first.bundle / "migration-config.json"
    found = ask(options_of(DemoPaths(bundle, first.database), config=named), until="config")
    assert (found.outcome("config"), "Not recorded" in found.message("config")) == ("WARN", True)


def test_errors_are_counted_listed_and_masked(tmp_path: Path) -> None:
    def reject(club: EditedClub) -> None:
        record = club.records("events")[0]
        club.free_of_registrations(record["_murmurantId"])
        club.reject("events", record, "Refused for zoe@example.com")

    found = asked_after(tmp_path, reject, until="counts")
    assert (found.outcome("errors"), found.message("errors")) == ("FAIL", "1 error reported")
    assert found.rows("errors")[0]["message"] == "Refused for z***@***"
    assert found.outcome("counts") == "PASS"


def test_a_fatal_error_and_errors_without_a_list_fail(first: DemoPaths, tmp_path: Path) -> None:
    fatal = {"entity": "system", "sourceRow": 0, "message": "The connection was lost"}
    died = changed(tmp_path / "a", first, lambda report: report["errors"].append(fatal), "errors")
    assert (died.outcome("errors"), died.message("errors")) == ("FAIL", "The importer ended with a fatal error")
    counted = changed(tmp_path / "b", first, lambda report: report["events"].update(errors=4), "counts")
    assert (counted.outcome("errors"), counted.message("errors")) == ("FAIL", "4 errors reported")
    assert counted.outcome("counts") == "FAIL"


def test_numbers_that_do_not_fit_the_records_fail(first: DemoPaths, tmp_path: Path) -> None:
    found = changed(tmp_path, first, lambda report: report["members"].update(created=50, updated=10), "counts")
    assert found.outcome("counts") == "FAIL"
    assert "members: created is not the number of records to create (50, 60)" in found.message("counts")


def test_many_skipped_rows_warn_by_the_stated_limit(tmp_path: Path) -> None:
    def skip(number: int) -> Callable[[EditedClub], None]:
        def change(club: EditedClub) -> None:
            for record in club.records("members")[:number]:
                record["_action"] = "skip"

        return change

    assert asked_after(tmp_path / "a", skip(3), until="counts").outcome("counts") == "PASS"
    found = asked_after(tmp_path / "b", skip(4), until="counts")
    assert (found.outcome("counts"), found.message("counts")) == ("WARN", "More than 5 % are skipped: 4 of 60 members")


def test_ids_that_begin_otherwise_than_those_of_a_dry_run_fail(tmp_path: Path) -> None:
    def real(club: EditedClub) -> None:
        record = club.records("registrations")[0]
        record["_murmurantId"] = record["_murmurantId"].removeprefix("dry-")

    found = asked_after(tmp_path, real, until="kind")
    assert (found.outcome("kind"), len(found.rows("kind"))) == ("FAIL", 1)


def test_one_id_for_several_records_fails(tmp_path: Path) -> None:
    def same_wa_id(club: EditedClub) -> None:
        club.records("events")[1]["_waId"] = club.records("events")[0]["_waId"]

    def same_target(club: EditedClub) -> None:
        club.records("members")[1]["_murmurantId"] = club.records("members")[0]["_murmurantId"]

    def mapped_twice(club: EditedClub) -> None:
        club.report["idMapping"]["members"].append(club.report["idMapping"]["members"][0])

    def mapped_to_one(club: EditedClub) -> None:
        one, other = club.report["idMapping"]["events"][:2]
        one["murmurantId"] = other["murmurantId"]

    problems = {
        same_wa_id: "several records have this Wild Apricot id",
        same_target: "several records to create have this target id",
        mapped_twice: "the id map has this Wild Apricot id several times",
        mapped_to_one: "the id map leads from several Wild Apricot ids to this target id",
    }
    for number, (change, problem) in enumerate(problems.items()):
        found = asked_after(tmp_path / str(number), change, until="duplicate_ids", size=SMALL)
        assert found.outcome("duplicate_ids") == "FAIL"
        assert problem in {row["problem"] for row in found.rows("duplicate_ids")}


def test_an_event_that_is_skipped_for_another_shares_its_row_rightly(tmp_path: Path) -> None:
    def skip(club: EditedClub) -> None:
        kept, skipped = club.records("events")[:2]
        club.free_of_registrations(skipped["_murmurantId"])
        for mapping in club.report["idMapping"]["events"]:
            if mapping["waId"] == skipped["_waId"]:
                mapping["murmurantId"] = kept["_murmurantId"]
        skipped |= {"_action": "skip", "_murmurantId": kept["_murmurantId"], "title": kept["title"]}

    found = asked_after(tmp_path, skip, until="duplicate_ids")
    assert (found.outcome("duplicate_ids"), found.outcome("errors")) == ("WARN", "PASS")
    assert "1 row would stand for several records" in found.message("duplicate_ids")


def test_addresses_are_the_same_in_upper_and_lower_case(tmp_path: Path) -> None:
    def same(club: EditedClub) -> None:
        one, other = club.records("members")[:2]
        other["email"] = f" {one['email'].upper()}"

    found = asked_after(tmp_path / "a", same, until="duplicate_emails", size=SMALL)
    (row,) = found.rows("duplicate_emails")
    assert (found.outcome("duplicate_emails"), row["times"], row["email"][1:]) == ("FAIL", 2, "***@***")

    def skipped(club: EditedClub) -> None:
        same(club)
        club.records("members")[1]["_action"] = "skip"

    assert (
        asked_after(tmp_path / "b", skipped, until="duplicate_emails", size=SMALL).outcome("duplicate_emails") == "PASS"
    )


def test_a_required_field_without_a_value_fails(tmp_path: Path) -> None:
    emptied = [
        ("members", "email", None),
        ("members", "lastName", "  "),
        ("events", "title", ""),
        ("events", "startTime", None),
        ("registrations", "memberId", ""),
        ("registrations", "eventId", None),
    ]

    def empty(club: EditedClub) -> None:
        for number, (entity, field, value) in enumerate(emptied):
            club.records(entity)[number][field] = value

    found = asked_after(tmp_path, empty, until="required", size=SMALL)
    assert (found.outcome("required"), found.message("required").startswith("6 required values missing")) == (
        "FAIL",
        True,
    )
    rows = {(row["entity"], row["field"], row["source_row"]) for row in found.rows("required")}
    assert rows == {(entity, field, number + 2) for number, (entity, field, _) in enumerate(emptied)}


@pytest.mark.parametrize(
    "named,expected,unknown",
    [
        (None, REQUIRED, ()),
        (["Email", "first_name", "Phone"], REQUIRED | {"members": ("email", "first_name", "phone")}, ()),
        (["title", "capacity"], REQUIRED | {"events": ("title", "capacity")}, ()),
        ({"member": ["email"], "events": []}, REQUIRED | {"members": ("email",)}, ()),
        ({"registrations": ["status"]}, REQUIRED | {"registrations": ("status", "member_id", "event_id")}, ()),
        (["shoe size"], REQUIRED, ("shoe size",)),
        ({"boats": ["name"]}, REQUIRED, ("name",)),
        ("email", REQUIRED, ()),
    ],
)
def test_the_importers_configuration_says_what_is_required(
    named: object, expected: dict[str, tuple[str, ...]], unknown: tuple[str, ...]
) -> None:
    assert required_fields({"import_options": {"required_fields": named}}) == (expected, unknown)


@pytest.mark.parametrize("config", [None, {}, {"import_options": None}, {"import_options": []}])
def test_without_a_configuration_the_usual_fields_are_required(config: dict[str, Any] | None) -> None:
    assert required_fields(config) == (REQUIRED, ())


def test_rows_to_create_must_not_be_there(tmp_path: Path) -> None:
    there = dry_club(is_empty=False, size=SMALL)
    club = dry_club(size=SMALL)
    for entity in ("members", "events"):
        club.rows(entity).append(there.rows(entity)[0])
    club.rows("members")[0]["email"] = club.rows("members")[0]["email"].upper()
    found = ask(options_of(club.write(tmp_path)))
    assert found.outcome("created") == "FAIL"
    assert [(row["entity"], row["present_as"]) for row in found.rows("created")] == [
        (entity, there.rows(entity)[0]["id"]) for entity in ("events", "members")
    ]


def test_a_row_that_is_there_by_id_and_by_address_counts_once(clean: DemoPaths) -> None:
    found = ask(DryRunOptions(clean.bundle, str(clean.database), environment={}))
    assert found.message("created") == "222 records to create, whose rows are there already"


def test_rows_to_update_must_be_there(tmp_path: Path) -> None:
    def lose(club: EditedClub) -> None:
        kept, lost = club.rows("members")[:2]
        club.free_of_registrations(kept["id"], lost["id"])
        club.remove("members", row=lost)
        # By its e-mail address, this one is found under another id.
        record = next(one for one in club.records("members") if one["_murmurantId"] == kept["id"])
        record["_murmurantId"] = "another"

    found = asked_after(tmp_path, lose, is_empty=False)
    assert (found.outcome("updated"), len(found.rows("updated"))) == ("FAIL", 1)


def test_a_row_that_the_dry_run_creates_may_be_updated_by_it(tmp_path: Path) -> None:
    def merge(club: EditedClub) -> None:
        one, other = club.records("members")[:2]
        other |= {"email": one["email"], "_murmurantId": one["_murmurantId"], "_action": "update"}

    found = asked_after(tmp_path, merge, size=SMALL)
    assert (found.outcome("updated"), found.outcome("duplicate_emails"), found.outcome("size")) == (
        "PASS",
        "FAIL",
        "PASS",
    )


def test_members_and_events_of_registrations_must_be_there(tmp_path: Path) -> None:
    def lose(club: EditedClub) -> None:
        club.records("registrations")[0]["memberId"] = "dry-nobody"

    found = asked_after(tmp_path, lose, size=SMALL)
    assert found.outcome("parents") == "FAIL"
    assert [(row["lacks"], row["target_id"]) for row in found.rows("parents")] == [("member", "dry-nobody")]


def test_more_updates_than_rows_fail(tmp_path: Path) -> None:
    found = asked_after(tmp_path, lambda club: club.rows("registrations").clear(), is_empty=False)
    assert (found.outcome("size"), found.message("size")) == (
        "FAIL",
        "registrations: 300 updates of a table of 0 rows",
    )


def test_a_table_that_grows_or_is_left_alone_warns_by_the_stated_limit(tmp_path: Path) -> None:
    there = dry_club(is_empty=False)

    def beside(number: int) -> Asked:
        club = dry_club()
        club.rows("events").extend(row | {"title": f"Old {row['title']}"} for row in there.rows("events")[:number])
        return ask(options_of(club.write(tmp_path / str(number))))

    found = beside(2)
    assert found.outcome("size") == "WARN"
    assert "events: 50 created beside 2 that are there: it grows by 2500 %, more than 5 %" in found.message("size")
    assert "2 of 2 that are there are left alone" in found.message("size")
    assert found.facts["Events afterwards"] == "52 (2 present, 50 created, 0 updated)"


def test_tiers_that_nobody_seeded_and_levels_that_lead_nowhere_warn(tmp_path: Path) -> None:
    def unseeded(club: EditedClub) -> None:
        club.club.tables["MembershipTier"] = [
            row for row in club.club.tables["MembershipTier"] if row["code"] != "FIRST_YEAR"
        ]

    def unmapped(club: EditedClub) -> None:
        for record in club.records("members")[:9]:
            record |= {"waMembershipLevel": "", "membershipTierId": None}

    found = asked_after(tmp_path / "a", unseeded)
    assert found.outcome("tiers") == "WARN"
    assert "Tiers that are not in the database: FIRST_YEAR" in found.message("tiers")
    found = asked_after(tmp_path / "b", unmapped)
    assert found.outcome("tiers") == "WARN"
    assert "less than 95 %" in found.message("tiers")


def test_without_tables_of_tiers_nothing_is_said_of_them(tmp_path: Path) -> None:
    paths = dry_club(size=SMALL).write(tmp_path)
    with closing(connect(paths.database)) as database, database:
        database.execute('drop table "MembershipTier"')
    found = ask(options_of(paths))
    assert (found.outcome("tiers"), found.outcome("size")) == ("WARN", "PASS")
    assert "not recorded" in found.message("tiers")


def test_a_bundle_of_nothing_is_judged_by_nothing(tmp_path: Path) -> None:
    def clear(club: EditedClub) -> None:
        for entity in REQUIRED:
            club.records(entity).clear()

    found = asked_after(tmp_path, clear, size=SMALL)
    assert (found.outcome("bundle"), found.outcome("tiers"), found.outcome("parents")) == ("ERROR", "ERROR", "WARN")


def test_an_invalid_bundle_fails_and_one_that_is_not_there_is_an_error(first: DemoPaths, tmp_path: Path) -> None:
    bundle = copytree(first.bundle, tmp_path / "bundle")
    (bundle / "migration-report.json").write_text('{"runId": 5}', encoding="utf-8")
    found = ask(DryRunOptions(bundle, environment={}))
    assert found.unpassed == {"bundle": "FAIL"}
    with pytest.raises(BundleError, match="not found"):
        ask(DryRunOptions(tmp_path / "none", environment={}))


def test_a_packed_bundle_is_the_same_dry_run(first: DemoPaths, asked: Asked, tmp_path: Path) -> None:
    packed = make_archive(str(tmp_path / "bundle"), "zip", first.bundle.parent, first.bundle.name)
    options = options_of(first)
    found = ask(DryRunOptions(packed, options.database, options.config, now=options.now, environment={}))
    assert found.unpassed == asked.unpassed
    assert found.facts == asked.facts


def test_the_digest_is_that_of_sha256sum_over_sha256sum(first: DemoPaths, asked: Asked) -> None:
    names = ("migration-config.json", "migration-report.json", "policy-bundle.json")
    lines = (f"{sha256((first.bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    assert asked.facts["SHA-256"] == sha256("".join(lines).encode()).hexdigest()


def test_rows_are_found_in_postgresql_by_their_ids(postgres_club: Callable[[str], str], tmp_path: Path) -> None:
    club = dry_club(is_empty=False, size=CONFTEST)
    paths = club.write(tmp_path)
    options = options_of(paths, database="URL", environment={"URL": postgres_club("newer")})
    found = ask(options)
    assert found.unpassed == NOT_COMPARED
    assert found.message("updated") == "All of 222 rows to update are there"


def test_a_record_that_only_the_error_list_rejects_would_not_be_written(tmp_path: Path) -> None:
    def reject(club: EditedClub) -> None:
        one, other = club.records("members")[:2]
        other["email"] = one["email"]
        club.reject("members", other, "Duplicate", own=False)

    found = asked_after(tmp_path, reject, until="duplicate_emails", size=SMALL)
    assert (found.outcome("errors"), found.outcome("counts"), found.outcome("duplicate_emails")) == (
        "FAIL",
        "PASS",
        "PASS",
    )


def test_personal_data_in_messages_is_masked(first: DemoPaths, tmp_path: Path) -> None:
    bundle = copytree(first.bundle, tmp_path / "bundle")
    edit_report(bundle, lambda report: report.update(dryRun="zoe@example.com"))
    found = ask(DryRunOptions(bundle, environment={}))
    assert (found.outcome("bundle"), "zoe@" in found.message("bundle")) == ("FAIL", False)
