"""Wild Apricot exports in the place of records: found, read without a guess, equal to what a report would list."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soaking import examples
from support import SAMPLES, edit_report, run_in_process, verify

from recon.bundle import open_bundle
from recon.demo import Club, DemoPaths, generate, write_bundle, write_exports
from recon.errors import BundleError
from recon.model import ENTITIES
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.wild_apricot.dates import to_strptime
from recon.warehouse.wild_apricot.rows import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

OWN_OF_REPORTS = ("target_id", "action", "errors")
TELLABLE = {
    "members": ("first_name", "last_name", "email", "phone", "joined_at", "status_code", "level"),
    "events": ("title", "description", "category", "location", "start_time", "end_time", "capacity"),
    "registrations": ("member_id", "event_id", "status", "registered_at", "cancelled_at"),
}
MEMBERS = ("Contact ID", "First name", "Last name", "Email", "Phone", "Member since", "Membership level")
EVENTS = ("Event ID", "Event name", "Description", "Tags", "Location", "Start date", "End date", "Registration limit")
REGISTRATIONS = (
    "Registration ID",
    "Contact ID",
    "Event ID",
    "Registration status",
    "Registration date",
    "Cancellation date",
)


@pytest.fixture
def exported(demo: DemoPaths, club: Club) -> DemoPaths:
    """The small club, whose bundle holds exports and lists no records."""
    write_exports(club, demo.bundle)
    return demo


@pytest.fixture
def counting(tmp_path: Path) -> Path:
    """A bundle that only counts its records, and says what was read for them."""
    entities = {name: {"created": 1, "updated": 0, "records": "[1]", "file": f"/in/{name}.csv"} for name in ENTITIES}
    mapped = {"members": [{"waId": "WA1", "murmurantId": "m1"}], "events": [{"waId": "EV1", "murmurantId": "e1"}]}
    report = {"runId": "run-1", "dryRun": False, **entities, "idMapping": mapped}
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "migration-report.json").write_text(json.dumps(report), encoding="utf-8")
    return tmp_path / "bundle"


def read(bundle: Path, exports: Path | None = None) -> tuple[dict[str, list[Row]], dict[str, str], dict[str, str]]:
    """The rows of the three tables by source_row, and the warehouse's `missing` and `origins`."""
    with Warehouse() as warehouse, open_bundle(bundle, exports) as opened:
        load_bundle(opened, warehouse, [f"source.{entity}" for entity in ENTITIES])
        warehouse.verify_loads()
        tables = {name: warehouse.rows(f"from source.{name} order by source_row") for name in ENTITIES}
        return tables, warehouse.missing, warehouse.origins


def write_csv(file: Path, header: Sequence[str], *rows: Sequence[str], encoding: str = "utf-8") -> Path:
    with file.open("w", encoding=encoding, newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return file


def configure(bundle: Path, **config: Any) -> None:
    (bundle / "migration-config.json").write_text(json.dumps(config), encoding="utf-8")


def exportable(rows: list[Row], entity: str) -> list[Row]:
    """What of the rows an export can tell."""
    return [{name: row[name] for name in ("source_row", "wa_id", *TELLABLE[entity])} for row in rows]


def refused(bundle: Path, exports: Path | None = None) -> str:
    with pytest.raises(BundleError) as caught:
        read(bundle, exports)
    assert "\n" not in caught.value.message
    assert caught.value.next_step
    return caught.value.message


@pytest.mark.parametrize("seed", [7, 2024])
def test_the_exports_give_the_records_that_the_report_would_list(seed: int, tmp_path: Path) -> None:
    club = generate(seed, members=300, events=80, registrations=1500)
    listed, _, _ = read(write_bundle(club, tmp_path / "full"))
    write_exports(club, write_bundle(club, tmp_path / "short"))
    exported, missing, origins = read(tmp_path / "short")
    for entity in ENTITIES:
        assert len(exported[entity]) == len(club.report[entity]["records"])
        assert exportable(exported[entity], entity) == exportable(listed[entity], entity)
        assert all(row[name] is None for row in exported[entity] for name in OWN_OF_REPORTS)
    assert origins == {f"source.{name}": f"wa-{name}-export.csv" for name in ENTITIES}
    assert {*missing} == {"source.members.tier_id", "source.events.is_published"}


def test_the_tables_have_the_columns_and_types_of_records(exported: DemoPaths, club: Club, tmp_path: Path) -> None:
    def types(bundle: Path) -> list[tuple[Any, ...]]:
        with Warehouse() as warehouse, open_bundle(bundle) as opened:
            load_bundle(opened, warehouse, [f"source.{entity}" for entity in ENTITIES])
            sql = "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'source'"
            return warehouse.connection.execute(f"{sql} order by table_name, column_index").fetchall()

    assert types(exported.bundle) == types(write_bundle(club, tmp_path / "full"))


def test_a_club_is_accounted_for_from_its_exports(exported: DemoPaths) -> None:
    verification = verify(exported)
    assert verification.verdict == "PASSED"
    assert verification.ledger is not None
    assert (verification.ledger.records, verification.ledger.unexplained) == (222, 0)
    assert verification.ledger.not_evaluated == {}


def test_without_exports_the_bundle_says_that_it_lists_nothing(counting: Path) -> None:
    tables, missing, origins = read(counting)
    assert (tables, origins) == ({name: [] for name in ENTITIES}, {})
    assert missing["source.members"] == "the bundle counts its members and does not list them"


def test_records_win_over_exports_that_were_not_named(demo: DemoPaths) -> None:
    before = read(demo.bundle)
    write_csv(demo.bundle / "members.csv", MEMBERS, ["1", "A", "B", "a@example.org", "", "", ""])
    (demo.bundle / "events.csv").write_bytes(b"Event ID,Event name,Start date\n1,\xff,x\n")
    assert read(demo.bundle) == before


def test_exports_that_are_named_win_over_records_entity_by_entity(demo: DemoPaths, tmp_path: Path) -> None:
    write_csv(tmp_path / "own.csv", MEMBERS, ["1", "Ann", "Bo", "a@example.org", "", "", ""])
    tables, _, origins = read(demo.bundle, tmp_path)
    assert [row["first_name"] for row in tables["members"]] == ["Ann"]
    assert (len(tables["events"]), len(tables["registrations"])) == (12, 150)
    assert origins == {"source.members": "own.csv"}


def test_a_configuration_matters_only_where_there_are_exports(counting: Path) -> None:
    configure(counting, member_fields=["odd"], import_options=None)
    assert read(counting)[2] == {}
    write_csv(counting / "m.csv", MEMBERS)
    assert "migration-config.json" in refused(counting)


def test_an_entity_without_an_export_stays_unlisted(counting: Path) -> None:
    write_csv(counting / "any.CSV", EVENTS, ["EV1", "Walk", "", "", "", "", "", ""])
    tables, missing, _ = read(counting)
    assert [row["title"] for row in tables["events"]] == ["Walk"]
    assert missing["source.members"] == "the bundle counts its members and does not list them"


def test_what_lies_beside_the_bundle_needs_the_name_that_the_report_gives(counting: Path) -> None:
    write_csv(counting.parent / "members.csv", MEMBERS, ["1", "Ann", "Bo", "a@example.org", "", "", ""])
    write_csv(counting.parent / "other.csv", EVENTS, ["EV1", "Walk", "", "", "", "", "", ""])
    tables, missing, origins = read(counting)
    assert (len(tables["members"]), len(tables["events"])) == (1, 0)
    assert "source.events" in missing
    assert origins == {"source.members": "members.csv"}


def test_of_several_the_one_that_the_report_names_is_read(counting: Path) -> None:
    write_csv(counting / "a.csv", MEMBERS, ["1", "Old", "Bo", "a@example.org", "", "", ""])
    write_csv(counting / "members.csv", MEMBERS, ["1", "Ann", "Bo", "a@example.org", "", "", ""])
    edit_report(counting, lambda report: report["members"].update(file="C:\\in\\members.csv"))
    assert [row["first_name"] for row in read(counting)[0]["members"]] == ["Ann"]


def test_of_several_unnamed_ones_none_is_guessed(counting: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write_csv(counting / name, MEMBERS, ["1", "Ann", "Bo", "a@example.org", "", "", ""])
    message = refused(counting)
    assert "Several files are exports of the members" in message
    assert "found a.csv, b.csv" in message


def test_registrations_that_repeat_who_and_what_are_registrations(counting: Path) -> None:
    header = (*REGISTRATIONS, "First name", "Last name", "Email", "Event name", "Start date")
    write_csv(counting / "all.csv", header, ["R1", "WA1", "EV1", "", "", "", "Ann", "Bo", "a@b.org", "Walk", ""])
    assert read(counting)[2] == {"source.registrations": "all.csv"}


def test_the_configuration_names_other_headers(counting: Path) -> None:
    configure(counting, member_fields={"waId": "User ID", "email": "E-Mail", "more": 1, "phone": None})
    header = ("user id ", "First name", "Last name", "E-Mail", "Phone")
    write_csv(counting / "m.csv", header, ["7", "Ann", "Bo", "a@example.org", "1"])
    tables, missing, _ = read(counting)
    row = tables["members"][0]
    assert (row["wa_id"], row["email"], row["phone"]) == ("7", "a@example.org", "1")
    assert missing["source.members.level"] == "m.csv does not hold it"
    assert missing["source.members.joined_at"] == "m.csv does not hold it"


def test_a_column_that_is_there_twice_is_not_guessed(counting: Path) -> None:
    write_csv(counting / "m.csv", (*MEMBERS, "EMAIL"), ["1", "A", "B", "a@b.org", "", "", "", "c@d.org"])
    assert "expected one column 'email', found 2" in refused(counting)


DATES = [
    ("01/05/2024", "2024-01-05T00:00:00.000Z"),
    ("7/4/2024", "2024-07-04T00:00:00.000Z"),
    ("01/05/2024 09:00", "2024-01-05T17:00:00.000Z"),
    (" 07/05/2024 9:00 ", "2024-07-05T16:00:00.000Z"),
    ("01/05/2024 00:00", "2024-01-05T08:00:00.000Z"),
    ("2024-01-05", "2024-01-05T00:00:00.000Z"),
    ("2024-01-05 09:00", "2024-01-05T17:00:00.000Z"),
    ("2024-01-05T09:00:30.250Z", "2024-01-05T09:00:30.250Z"),
    ("2024-01-05T09:00:00+02:00", "2024-01-05T07:00:00.000Z"),
    # The hour that autumn has twice: the second; the one that spring leaves out: as if it were an hour later.
    ("11/05/2023 01:30", "2023-11-05T09:30:00.000Z"),
    ("03/10/2024 02:30", "2024-03-10T10:30:00.000Z"),
    ("31/12/2024", "31/12/2024"),
    ("soon", "soon"),
    ("", None),
    ("  ", None),
]


@pytest.mark.parametrize("written, expected", DATES)
def test_a_day_is_midnight_and_a_moment_is_the_clubs(counting: Path, written: str, expected: str | None) -> None:
    configure(counting, import_options={"source_timezone": "America/Los_Angeles"})
    write_csv(counting / "e.csv", EVENTS, ["EV1", "Walk", "", "", "", written, written, ""])
    (row,) = read(counting)[0]["events"]
    assert (row["start_time"], row["end_time"]) == (expected, expected)


def test_another_importers_format_is_read_by_its_configuration(counting: Path) -> None:
    options = {"date_format": "D. MMM YYYY", "datetime_format": "DD.MM.YYYY [um] h:mm A"}
    configure(counting, import_options=options)
    write_csv(counting / "e.csv", EVENTS, ["EV1", "Walk", "", "", "", "03.02.2024 um 9:05 PM", "4. Feb 2024", ""])
    (row,) = read(counting)[0]["events"]
    assert (row["start_time"], row["end_time"]) == ("2024-02-03T21:05:00.000Z", "2024-02-04T00:00:00.000Z")


@pytest.mark.parametrize(
    "options, found",
    [
        ({"date_format": "QQ/YYYY"}, "$.import_options.date_format): expected parts such as YYYY, MM, DD, HH, mm, ss"),
        ({"source_timezone": "Atlantis/Capital"}, "$.import_options.source_timezone): expected a name such as"),
        ({"source_timezone": 7}, "$.import_options.source_timezone): expected a text, found the number 7"),
    ],
)
def test_a_setting_that_is_not_known_is_refused(counting: Path, options: Row, found: str) -> None:
    configure(counting, import_options=options)
    write_csv(counting / "e.csv", EVENTS, ["EV1", "Walk", "", "", "", "", "", ""])
    message = refused(counting)
    assert found in message
    assert "migration-config.json" in message


def test_a_percent_sign_in_a_format_is_no_format(tmp_path: Path) -> None:
    assert to_strptime("[%d] DD%", tmp_path, "$") == "%%d %d%%"


def test_codes_come_from_the_mappings(counting: Path) -> None:
    configure(
        counting,
        membership_status_mapping={"Gold's": "EXTENDED", "_default": "PROSPECT"},
        event_category_mapping={"Social": "SOC", "hikes": "Outdoor"},
        registration_status_mapping={"_default": "PENDING"},
    )
    rows = [["1", "A", "B", "a@b.org", "", "", level] for level in ("Gold's", "gold's", "", "_default")]
    write_csv(counting / "m.csv", MEMBERS, *rows)
    tags = ("Social", "new, Hikes ,Social", "hikes", "else", "")
    write_csv(counting / "e.csv", EVENTS, *(["1", "Walk", "", tag, "", "", "", ""] for tag in tags))
    write_csv(counting / "r.csv", REGISTRATIONS, ["R1", "WA1", "EV1", "Confirmed", "", ""])
    tables, _, _ = read(counting)
    assert [row["status_code"] for row in tables["members"]] == ["EXTENDED", "PROSPECT", "PROSPECT", "PROSPECT"]
    assert [row["level"] for row in tables["members"]] == ["Gold's", "gold's", None, "_default"]
    assert [row["category"] for row in tables["events"]] == ["SOC", "Outdoor", "Outdoor", None, None]
    assert [row["status"] for row in tables["registrations"]] == ["PENDING"]


def test_without_mappings_codes_are_not_known(counting: Path) -> None:
    write_csv(counting / "m.csv", MEMBERS, ["1", "A", "B", "a@b.org", "", "", "Gold"])
    tables, missing, _ = read(counting)
    assert tables["members"][0]["status_code"] is None
    assert missing["source.members.status_code"] == "migration-config.json holds no membership_status_mapping"


def test_parents_are_those_that_the_report_maps(counting: Path) -> None:
    write_csv(counting / "r.csv", REGISTRATIONS, ["R1", "WA1", " EV1 ", "", "", ""], ["R2", "WA2", "EV1", "", "", ""])
    tables, missing, _ = read(counting)
    assert [(row["member_id"], row["event_id"]) for row in tables["registrations"]] == [("m1", "e1"), ("", "e1")]
    edit_report(counting, lambda report: report["idMapping"].update(members=[]))
    tables, missing, _ = read(counting)
    assert {row["member_id"] for row in tables["registrations"]} == {None}
    assert missing["source.registrations.member_id"] == "the report maps no ids of members"


def test_the_reports_errors_stand_at_their_rows(counting: Path) -> None:
    problems = [
        {"entity": "member", "sourceRow": 3, "message": "Missing email", "waId": "2"},
        {"entity": "member", "sourceRow": 3, "message": "Missing name"},
        {"entity": "member", "message": "Odd", "waId": "3"},
        {"entity": "event", "sourceRow": 2, "message": "Not ours"},
    ]
    edit_report(counting, lambda report: report.update(errors=problems))
    write_csv(counting / "m.csv", MEMBERS, *([str(n), "A", "B", "", "", "", ""] for n in (1, 2, 3)))
    rows = read(counting)[0]["members"]
    assert [row["errors"] for row in rows] == [None, ["Missing email", "Missing name"], ["Odd"]]


BROKEN = [
    (b"1,A,B,a@b.org,,,\n2,C\n", "line 3): expected 7 cells, found 2"),
    (b'1,"A\r\n\r\nx",B,a@b.org,,,\n2,C,D,E, Jr.,c@d.org,,,\n', "line 5): expected 7 cells, found 9"),
    (b'1,A,B,a@b.org,,,"Gold\n2,C,D,c@d.org,,,Gold\n', "line 2): expected a second one that ends the cell"),
    (b'1,A,B,a@b.org,,,\n2,"C,D,c@d.org,,,\n' + b"3,E,F,e@f.org,,,\n" * 600_000, "line 3): expected a second one"),
    (b"1,A,B,a@b.org,,,\n2,C,\x81,c@d.org,,,\n", "expected UTF-8, or Windows-1252 throughout, found byte 0x81 at"),
    (b"1,J\xc3\xbcrg,B,a@b.org,,,\n2,C,\xfc,c@d.org,,,\n", "found byte 0xfc at offset 99 (line 3)"),
]


@pytest.mark.parametrize("body, found", BROKEN)
def test_a_row_that_does_not_fit_its_header_is_refused(counting: Path, body: bytes, found: str) -> None:
    (counting / "m.csv").write_bytes(",".join(MEMBERS).encode() + b"\n" + body)
    message = refused(counting)
    assert found in message
    assert "m.csv" in message
    assert "c@d.org" not in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_read_by_its_mark_alone(counting: Path, encoding: str) -> None:
    write_csv(counting / "m.csv", MEMBERS, ["1", "A", "B", "a@b.org", "", "", ""], encoding=encoding)
    if encoding == "utf-16":
        assert read(counting)[2] == {"source.members": "m.csv"}
    else:
        # Without a mark at its start nothing tells what it is.
        assert "found m.csv with none of these" in refused(counting, counting)


def test_an_export_of_many_blocks_keeps_its_order(counting: Path) -> None:
    rows = [[str(n), "A", "B", "a@b.org", "", "", "x" * 2000] for n in range(2 * BLOCK_BYTES // 2000)]
    write_csv(counting / "m.csv", MEMBERS, *rows)
    found = read(counting)[0]["members"]
    assert [(row["source_row"], row["wa_id"]) for row in found] == [(n + 2, str(n)) for n in range(len(rows))]


def test_an_export_without_rows_is_one(counting: Path) -> None:
    (counting / "m.csv").write_text(",".join(MEMBERS), encoding="utf-8")
    tables, missing, origins = read(counting)
    assert tables["members"] == []
    assert "source.members" not in missing
    assert origins == {"source.members": "m.csv"}


cells = st.text(st.sampled_from("a,\"\n\r ;é\t\\'%{}\0"), max_size=6) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, cells, cells), max_size=5),
    mark=st.sampled_from(["utf-8", "utf-8-sig"]),
    # Python quotes a lone carriage return only where all is quoted.
    style=st.sampled_from([("\r\n", False), ("\r\n", True), ("\n", True), ("\r", True)]),
)
def test_any_text_survives(
    counting: Path, rows: list[tuple[str, str, str]], mark: str, style: tuple[str, bool]
) -> None:
    end, quoted = style
    with (counting / "e.csv").open("w", encoding=mark, newline="") as opened:
        writer = csv.writer(opened, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator=end)
        writer.writerow(("Event ID", "Event name", "Start date", "Description", "Location"))
        writer.writerows([f"E{n}", title, "", text, place] for n, (title, text, place) in enumerate(rows))
    found = read(counting)[0]["events"]
    assert [row["wa_id"] for row in found] == [f"E{n}" for n in range(len(rows))]
    expected = [tuple(cell or None for cell in row) for row in rows]
    assert [(row["title"], row["description"], row["location"]) for row in found] == expected


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_carries_its_exports(exported: DemoPaths, kind: str, tmp_path: Path) -> None:
    packed = tmp_path / f"bundle.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            for file in exported.bundle.iterdir():
                archive.write(file, f"bundle/{file.name}")
            archive.writestr("elsewhere/other.csv", "Event ID,Event name,Start date\n")
    else:
        with tarfile.open(packed, "w:gz") as archive_of_tar:
            archive_of_tar.add(exported.bundle, "bundle")
    assert read(packed) == read(exported.bundle)


def test_a_link_in_an_archive_is_no_export(counting: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "m.csv", MEMBERS, ["1", "A", "B", "a@b.org", "", "", ""])
    (counting / "linked.csv").symlink_to(tmp_path / "m.csv")
    with tarfile.open(tmp_path / "bundle.tar.gz", "w:gz") as archive:
        archive.add(counting, "bundle")
    assert read(counting)[2] == {"source.members": "linked.csv"}
    assert read(tmp_path / "bundle.tar.gz")[2] == {}


def test_what_is_wrong_in_an_archive_is_reported_by_its_place_there(exported: DemoPaths, tmp_path: Path) -> None:
    with (exported.bundle / "wa-members-export.csv").open("ab") as opened:
        opened.write(b"one cell\n")
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        for file in exported.bundle.iterdir():
            archive.write(file, f"bundle/{file.name}")
    message = refused(tmp_path / "bundle.zip")
    assert f"({tmp_path / 'bundle.zip'}: bundle/wa-members-export.csv, line 62)" in message


@pytest.mark.soak
def test_the_same_question_on_a_snapshot_includes_the_exports(exported: DemoPaths, tmp_path: Path) -> None:
    exports = shutil.copytree(exported.bundle, tmp_path / "exports")
    done = run_in_process(
        *("run", "--bundle", exported.bundle, "--database", exported.database, "--exports", exports),
        *("--outputs", tmp_path / "out", "--only", "snapshot"),
    )
    assert done.code == 0, done.err
    (snapshot,) = (tmp_path / "out").glob("*/snapshot.duckdb")
    kept = DemoPaths(exported.bundle, snapshot)
    first = verify(kept, exports=exports, distributions=True)
    again = verify(kept, distributions=True)
    assert again.verified_at == first.verified_at
    lines = (exports / "wa-events-export.csv").read_bytes().splitlines(keepends=True)
    (exports / "wa-events-export.csv").write_bytes(b"".join(lines[:-1]))
    changed = verify(kept, exports=exports, distributions=True)
    assert changed.verified_at != first.verified_at
    assert changed.verdict == "FAILED"


NO_EXPORTS: dict[str, tuple[dict[str, str] | None, str]] = {
    "no folder": (None, "found No such file or directory"),
    "empty": ({}, "found no .csv file"),
    "no header": ({"m.csv": "7,Ann,Boole,ann@example.org\n"}, "found m.csv with none of these"),
    "less": ({"m.csv": "Contact ID,e-mail,email\n"}, "found m.csv with Contact ID, Email"),
    "semicolons": ({"m.csv": "Contact ID;Email\n"}, "found m.csv with"),
}


@pytest.mark.parametrize("case", NO_EXPORTS)
def test_a_folder_without_exports_is_refused(exported: DemoPaths, tmp_path: Path, case: str) -> None:
    files, found = NO_EXPORTS[case]
    folder = tmp_path / "none"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    command = ("verify", "--bundle", exported.bundle, "--database", exported.database, "-o", tmp_path / "r.md")
    done = run_in_process(*command, "--exports", folder)
    assert done.code == 2
    assert found in done.err
    assert str(folder) in done.err
    assert "Boole" not in done.err + (tmp_path / "r.md").read_text(encoding="utf-8")


@pytest.mark.soak
def test_the_demo_writes_exports_that_account_for_every_record(tmp_path: Path) -> None:
    assert run_in_process("demo", "-o", tmp_path, "--exports").code == 0
    (bundle,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert json.loads((bundle / "migration-report.json").read_text(encoding="utf-8"))["members"]["records"] == "[2147]"
    done = run_in_process("verify", "--bundle", bundle, "--database", tmp_path / "club.db", "-o", tmp_path / "r.md")
    assert done.code == 0
    assert "accounted for: 11,273 of 11,273 records, 0 unexplained" in done.out


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
def test_a_real_short_report_is_filled_from_exports(tmp_path: Path) -> None:
    full, _, _ = read(SAMPLES / "live")
    bundle = shutil.copytree(SAMPLES / "live-short", tmp_path / "bundle")
    statuses = {row["level"]: row["status_code"] for row in full["members"]}
    configure(
        bundle,
        membership_status_mapping=statuses,
        event_category_mapping={row["category"]: row["category"] for row in full["events"] if row["category"]},
        registration_status_mapping={row["status"]: row["status"] for row in full["registrations"]},
    )
    wa_ids = {row["target_id"]: row["wa_id"] for row in (*full["members"], *full["events"])}
    write_csv(
        bundle / "m.csv",
        MEMBERS,
        *(cells_of(r, "first_name last_name email phone joined_at level") for r in full["members"]),
    )
    write_csv(
        bundle / "e.csv",
        EVENTS,
        *(cells_of(r, "title description category location start_time end_time capacity") for r in full["events"]),
    )
    rows = [
        {**row, "member_id": wa_ids[row["member_id"]], "event_id": wa_ids[row["event_id"]]}
        for row in full["registrations"]
    ]
    write_csv(
        bundle / "r.csv",
        REGISTRATIONS,
        *(cells_of(r, "member_id event_id status registered_at cancelled_at") for r in rows),
    )
    exported, _, _ = read(bundle)
    for entity in ENTITIES:
        assert exportable(exported[entity], entity) == exportable(full[entity], entity)


def cells_of(row: Row, names: str) -> list[str]:
    return [row["wa_id"], *(row[name] or "" for name in names.split())]


LINE = ("7", "Ann", "Bo", "a@example.org", "", "", "Gold")


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("before", ["", "sep={}\r\n", "\n\n"])
def test_a_spreadsheets_csv_is_read(counting: Path, separator: str, encoding: str, before: str) -> None:
    lines = (separator.join(cells) for cells in ((*MEMBERS, "Balance"), (*LINE, "3")))
    text = before.format(separator) + "\r\n".join(lines)
    (counting / "members.csv").write_bytes(text.encode(encoding))
    (row,) = read(counting)[0]["members"]
    assert (row["source_row"], row["wa_id"], row["email"], row["level"]) == (2, "7", "a@example.org", "Gold")


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("before", ["", "sep={}\r\n"])
@pytest.mark.parametrize("named", ["Anf\u00fchrer", "\u201eM\u00dc\u201d, \u20ac \u2013 \u0160"])
def test_windows_1252_is_read_and_noted(counting: Path, separator: str, before: str, named: str) -> None:
    configure(counting, member_fields={"waMembershipLevel": "Stra\u00dfe"})
    rows = ((*MEMBERS[:6], "Stra\u00dfe"), LINE, ("8", named, "M\u00fcller", "", "", "", "Gold"))
    with (counting / "members.csv").open("w", encoding="cp1252", newline="") as opened:
        opened.write(before.format(separator))
        csv.writer(opened, delimiter=separator).writerows(rows)
    _, row = read(counting)[0]["members"]
    assert (row["wa_id"], row["first_name"], row["last_name"], row["level"]) == ("8", named, "M\u00fcller", "Gold")
    (note,) = unread(counting)[1]
    assert note.startswith(f"members.csv is not UTF-8 (line {2 if before else 1} is the first that is not)")
    assert "as Windows-1252" in note


def test_a_name_in_windows_1252_equals_that_in_the_database(exported: DemoPaths, club: Club) -> None:
    file = exported.bundle / "wa-members-export.csv"
    text = file.read_text(encoding="utf-8-sig")
    assert not text.isascii()
    file.write_bytes(text.encode("cp1252"))
    found = verify(exported)
    assert found.verdict == "PASSED"
    assert found.ledger is not None
    assert found.ledger.records == len(club.report["members"]["records"]) + 162
    assert [note for note in found.notes if "Windows-1252" in note] == [*found.notes]
    assert len(found.notes) == 1


@pytest.mark.parametrize("stored, unexplained", [("Fun\0day", 0), ("Funday", 1)])
def test_a_nul_in_an_export_is_compared(exported: DemoPaths, club: Club, stored: str, unexplained: int) -> None:
    record = next(each for each in club.report["events"]["records"] if each["_action"] == "create")
    with closing(sqlite3.connect(exported.database)) as database, database:
        database.execute('update "Event" set description = ? where id = ?', (stored, record["_murmurantId"]))
    file = exported.bundle / "wa-events-export.csv"
    with file.open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened)
    own, at = header.index("Event ID"), header.index("Description")
    write_csv(
        file, header, *([*row[:at], "Fun\0day", *row[at + 1 :]] if row[own] == record["_waId"] else row for row in rows)
    )
    found = verify(exported)
    assert found.ledger is not None
    assert (found.ledger.records, found.ledger.unexplained) == (222, unexplained)


def test_what_the_report_names_and_is_no_export_is_named(counting: Path) -> None:
    write_csv(counting / "members.csv", ("User ID", *MEMBERS[1:]), LINE)
    assert "(members.csv has no Contact ID; has User ID, First name" in read(counting)[1]["source.members"]
    assert "name it under member_fields.waId" in read(counting)[1]["source.members"]
    (counting / "members.csv").write_bytes(b"")
    assert "(members.csv is empty)" in read(counting)[1]["source.members"]


USER_IDS = ",".join(("User ID", *MEMBERS[1:])).encode()
# What is there → what is shown of it, after its name.
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "another id": (USER_IDS, "has no Contact ID; has User ID, First name"),
    "half a header": (
        b"Contact ID\tEmail\tBalance",
        "has no First name, Last name; has Contact ID, Email: name it under",
    ),
    "empty": (b"", "is empty"),
    "a mark alone": (b"\xef\xbb\xbf", "is empty"),
    "blank lines": (b"\r\n\r\n", "is empty"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00", "is a spreadsheet under the name of a text: save it as CSV"),
    "no mark": (",".join(MEMBERS).encode("utf-16-le"), "is no text, or UTF-16 without its byte order mark"),
}


def unread(bundle: Path, exports: Path | None = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the bundle says of files that are not read: by entity, and in notices."""
    with open_bundle(bundle, exports) as opened:
        return opened.not_read, opened.notes


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("name", ["members.csv", "members.TSV", "members"])
def test_what_the_report_names_and_cannot_be_read_is_named_with_why(counting: Path, case: str, name: str) -> None:
    content, why = UNREADABLE[case]
    edit_report(counting, lambda report: report["members"].update(file=f"in\\{name}"))
    for folder in (counting, counting.parent):
        (folder / name).write_bytes(content)
        not_read, notes = unread(counting)
        assert {*not_read} == {"members"}
        assert not_read["members"].startswith(f"{name} {why}")
        assert notes == ()
        (folder / name).unlink()


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("is_reported", [True, False])
def test_what_nothing_names_and_cannot_be_read_is_a_notice(counting: Path, case: str, is_reported: bool) -> None:
    content, why = UNREADABLE[case]
    if not is_reported:
        edit_report(counting, lambda report: [report[entity].pop("file") for entity in ENTITIES])
    (counting / "people.csv").write_bytes(content)
    (counting / "README.txt").write_text("About this bundle, and more\nPlease read it, too", encoding="utf-8")
    (counting / "notes.txt").write_text("Read me\n\n- one\n- two, three\n", encoding="utf-8")
    (counting / "._people.csv").write_bytes(b"\x00\x05\x16\x07")
    not_read, (note,) = unread(counting)
    assert not_read == {}
    assert note.startswith(f"Not read as an export: people.csv {why}")


@pytest.mark.soak
def test_the_name_of_a_file_is_masked_where_it_is_shown(exported: DemoPaths) -> None:
    (exported.bundle / "ann@example.org.csv").write_bytes(b"")
    assert verify(exported).notes == ("Not read as an export: a***@*** is empty",)
    assert verify(exported, show_pii=True).notes == ("Not read as an export: ann@example.org.csv is empty",)


@pytest.mark.parametrize(
    "name, why",
    [
        ("members.xlsx", "is a spreadsheet: save it as CSV"),
        ("Members.ods", "is a spreadsheet: save it as CSV"),
        ("members.csv.gz", "is packed: unpack it"),
        ("members.zip", "is packed: unpack it"),
    ],
)
def test_what_is_called_like_the_export_and_is_none_is_named(counting: Path, name: str, why: str) -> None:
    (counting / name).write_bytes(b"PK")
    assert unread(counting) == ({"members": f"{name} {why}"}, ())


@pytest.mark.parametrize("after", ["", "\r\n", "\n\n"])
@pytest.mark.parametrize("before", ["", "sep=,\n"])
def test_a_header_alone_is_named_where_the_report_counts_rows(counting: Path, before: str, after: str) -> None:
    file = counting / "members.csv"
    file.write_text(before + ",".join(MEMBERS) + after, encoding="utf-8")
    (note,) = unread(counting)[1]
    assert note.startswith("members.csv has a header and no rows, and the report counts 1 of the members")
    edit_report(counting, lambda report: report["members"].update(created=0))
    assert unread(counting)[1] == ()
    edit_report(counting, lambda report: report["members"].update(created=1))
    file.write_text(before + ",".join(MEMBERS) + "\n" + ",".join(LINE), encoding="utf-8")
    assert unread(counting)[1] == ()


def test_a_folder_and_a_link_to_nothing_are_named(counting: Path) -> None:
    (counting / "members.csv").mkdir()
    (counting / "events.csv").symlink_to("nowhere")
    assert unread(counting)[0] == {"members": "members.csv is a folder", "events": "events.csv is a link to nothing"}


def test_a_header_that_is_not_known_is_not_shown(counting: Path) -> None:
    (counting / "old.csv").write_text("7,Ann,Boole,ann@example.org", encoding="utf-8")
    not_read, (note,) = unread(counting)
    assert note.startswith("Not read as an export: old.csv has no header that is known")
    assert "Boole" not in note
    assert not_read == {}


def test_an_export_of_another_entity_under_the_name_is_named(counting: Path) -> None:
    write_csv(counting / "members.csv", EVENTS, ["EV1", "Walk", "", "", "", "", "", ""])
    assert read(counting)[2] == {"source.events": "members.csv"}
    assert unread(counting)[0]["members"].startswith("members.csv has no Contact ID, First name, Last name, Email; has")


def test_an_export_that_is_not_chosen_is_named(counting: Path) -> None:
    for name in ("a.csv", "members.csv"):
        write_csv(counting / name, MEMBERS, LINE)
    assert unread(counting)[1] == (
        "Not read as an export: a.csv is an export of the members too, and members.csv is read",
    )


@pytest.mark.parametrize("kind", ["tsv", "txt", "TXT"])
def test_other_texts_with_the_header_of_an_export_are_read(counting: Path, kind: str) -> None:
    edit_report(counting, lambda report: report["members"].update(file=f"members.{kind}"))
    lines = ("\t".join(cells) for cells in (MEMBERS, LINE))
    (counting / f"members.{kind}").write_text("\n".join(lines), encoding="utf-8")
    assert read(counting)[2] == {"source.members": f"members.{kind}"}
    (counting / f"members.{kind}").rename(counting.parent / f"members.{kind}")
    assert read(counting)[2] == {"source.members": f"members.{kind}"}
    assert unread(counting) == ({}, ())


def test_a_csv_wins_over_another_text_of_the_same(counting: Path) -> None:
    for name in ("m.csv", "m.txt"):
        write_csv(counting / name, MEMBERS, LINE)
    assert read(counting)[2] == {"source.members": "m.csv"}


def test_what_a_folder_of_exports_holds_besides_is_named(demo: DemoPaths, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    write_csv(folder / "members.csv", MEMBERS, LINE)
    (folder / "events.csv").write_bytes(b"Event ID,Title\n")
    (folder / "registrations.xlsx").write_bytes(b"PK\x03\x04")
    not_read, (events, registrations) = unread(demo.bundle, folder)
    assert not_read == {}
    assert events.startswith("Not read as an export: events.csv has no Event name, Start date; has Event ID: name it")
    assert registrations == "Not read as an export: registrations.xlsx is a spreadsheet: save it as CSV"
    (folder / "members.csv").unlink()
    (folder / "events.csv").unlink()
    assert "found registrations.xlsx: save as CSV" in refused(demo.bundle, folder)


def test_what_is_not_read_in_an_archive_is_named_as_in_a_folder(counting: Path, tmp_path: Path) -> None:
    (counting / "members.xlsx").write_bytes(b"PK\x03\x04")
    (counting / "old.tsv").write_bytes(b"Event ID\tTitle")
    (counting / "policies.json").write_text("{}", encoding="utf-8")
    write_csv(counting / "events.csv", EVENTS, ["EV1", "Walk", "", "", "", "", "", ""])
    expected = unread(counting)
    assert expected[0] == {"members": "members.xlsx is a spreadsheet: save it as CSV"}
    assert len(expected[1]) == 2
    for kind in ("zip", "gztar"):
        assert unread(Path(shutil.make_archive(str(tmp_path / "packed"), kind, counting))) == expected


TABLES_OF_TEXT = ["Nummer;Vorname;Nachname\r\n7;Ann;Bo", "Nummer\tVorname", "Nummer,Vorname\n7,Ann\n8,Eve\n"]


@pytest.mark.parametrize("content", TABLES_OF_TEXT)
def test_a_text_with_a_header_that_is_not_known_is_named(counting: Path, content: str) -> None:
    (counting / "people.txt").write_text(content, encoding="utf-8")
    (note,) = unread(counting)[1]
    assert note.startswith("Not read as an export: people.txt has no header that is known")


@pytest.mark.parametrize(
    "stated", ["exports/members.csv", "./exports/members.csv", "exports\\members.csv", "a/b/m.csv"]
)
@pytest.mark.parametrize("kind", ["folder", "zip", "gztar"])
def test_an_export_in_a_folder_below_is_read_where_the_report_names_it(
    counting: Path, tmp_path: Path, stated: str, kind: str
) -> None:
    edit_report(counting, lambda report: report["members"].update(file=stated))
    file = counting / stated.replace("\\", "/")
    file.parent.mkdir(parents=True)
    write_csv(file, MEMBERS, LINE)
    bundle = counting
    if kind != "folder":
        bundle = Path(shutil.make_archive(str(tmp_path / "packed"), kind, counting.parent, counting.name))
    tables, _, origins = read(bundle)
    assert [row["wa_id"] for row in tables["members"]] == ["7"]
    assert origins == {"source.members": file.name}
    assert unread(bundle) == ({}, ())


def test_the_path_that_the_report_gives_wins_over_the_name(counting: Path) -> None:
    edit_report(counting, lambda report: report["members"].update(file="exports/members.csv"))
    write_csv(counting / "members.csv", MEMBERS, ("8", *LINE[1:]))
    assert [row["wa_id"] for row in read(counting)[0]["members"]] == ["8"]
    (counting / "exports").mkdir()
    write_csv(counting / "exports" / "members.csv", MEMBERS, LINE)
    assert [row["wa_id"] for row in read(counting)[0]["members"]] == ["7"]
    assert unread(counting)[1] == (
        "Not read as an export: members.csv is an export of the members too, and exports/members.csv is read",
    )


@pytest.mark.parametrize("kind", ["folder", "zip", "gztar"])
def test_a_folder_below_that_the_report_does_not_name_is_named(counting: Path, tmp_path: Path, kind: str) -> None:
    (counting / "exports").mkdir()
    write_csv(counting / "exports" / "members.csv", MEMBERS, LINE)
    bundle = counting if kind == "folder" else Path(shutil.make_archive(str(tmp_path / "packed"), kind, counting))
    assert read(bundle)[2] == {}
    (note,) = unread(bundle)[1]
    assert note.startswith("Not read as an export: exports/members.csv is in a folder below")
    assert read(counting, counting / "exports")[2] == {"source.members": "members.csv"}


@pytest.mark.parametrize("kind", ["folder", "zip", "gztar"])
@pytest.mark.parametrize(
    "stated, why",
    [
        ("exports/members.csv", "exports/members.csv is not there: put it there, or put members.csv beside"),
        ("../members.csv", "../members.csv leads out of the bundle and is not followed"),
        ("a/../../far/m.csv", "a/../../far/m.csv leads out of the bundle and is not followed"),
        ("exports/m\0.csv", "exports/m"),
    ],
)
def test_a_path_that_is_not_there_or_leads_out_is_named(
    counting: Path, tmp_path: Path, stated: str, why: str, kind: str
) -> None:
    edit_report(counting, lambda report: report["members"].update(file=stated))
    (tmp_path / "far").mkdir()
    write_csv(tmp_path / "far" / "m.csv", MEMBERS, LINE)
    bundle = counting if kind == "folder" else Path(shutil.make_archive(str(tmp_path / "packed"), kind, counting))
    not_read, notes = unread(bundle)
    assert {*not_read} == {"members"}
    assert not_read["members"].startswith(why)
    assert notes == ()


def test_an_absolute_path_is_not_followed(counting: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    file = write_csv(tmp_path / "far" / "m.csv", MEMBERS, LINE)
    edit_report(counting, lambda report: report["members"].update(file=str(file)))
    assert read(counting)[2] == {}
    assert unread(counting)[0]["members"] == (
        f"{file} leads out of the bundle and is not followed: put m.csv beside migration-report.json"
    )


@pytest.mark.parametrize("linked", ["exports", "exports/members.csv"])
def test_a_link_that_leads_out_of_the_bundle_is_not_followed(counting: Path, tmp_path: Path, linked: str) -> None:
    edit_report(counting, lambda report: report["members"].update(file="exports/members.csv"))
    (tmp_path / "far").mkdir()
    write_csv(tmp_path / "far" / "members.csv", MEMBERS, LINE)
    if linked == "exports":
        (counting / "exports").symlink_to(tmp_path / "far")
    else:
        (counting / "exports").mkdir()
        (counting / linked).symlink_to(tmp_path / "far" / "members.csv")
    assert read(counting)[2] == {}
    assert unread(counting)[0]["members"] == (
        "exports/members.csv is a link that leads out of the bundle and is not followed: put the file itself there"
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("name", ["members.csv", "other.csv", "other.tsv", "exports/members.csv"])
def test_a_link_in_an_archive_is_named(counting: Path, tmp_path: Path, kind: bytes, name: str) -> None:
    edit_report(counting, lambda report: report["members"].update(file=name if "members" in name else "members.csv"))
    link = tarfile.TarInfo(f"bundle/{name}")
    link.type, link.linkname = kind, "bundle/migration-report.json"
    with tarfile.open(tmp_path / "bundle.tar", "w") as archive:
        archive.add(counting, "bundle")
        archive.addfile(link)
    assert read(tmp_path / "bundle.tar")[2] == {}
    not_read, notes = unread(tmp_path / "bundle.tar")
    why = f"{name} is a link or a device in the archive: pack the file itself"
    assert (not_read, notes) == (
        ({"members": why}, ()) if "members" in name else ({}, (f"Not read as an export: {why}",))
    )


def test_a_bundle_that_lists_its_records_is_not_said_to_lack_exports(demo: DemoPaths, exported: DemoPaths) -> None:
    assert unread(exported.bundle) == ({}, ())
    write_csv(demo.bundle / "own.csv", ("Anything",))
    edit_report(demo.bundle, lambda report: [report[entity].update(records=[]) for entity in ENTITIES])
    assert unread(demo.bundle) == ({}, ())


@pytest.mark.soak
def test_what_is_not_read_is_told_in_the_verdict_and_judged_anew(exported: DemoPaths, tmp_path: Path) -> None:
    outputs = tmp_path / "out"
    command = ("run", "--bundle", exported.bundle, "--database", exported.database, "--outputs", outputs)
    assert run_in_process(*command, "--only", "snapshot").code == 0
    (snapshot,) = outputs.glob("*/snapshot.duckdb")
    kept = DemoPaths(exported.bundle, snapshot)
    first = verify(kept, distributions=True)
    assert verify(kept, distributions=True).verified_at == first.verified_at
    (exported.bundle / "old.xlsx").write_bytes(b"PK\x03\x04")
    changed = verify(kept, distributions=True)
    assert changed.notes == ("Not read as an export: old.xlsx is a spreadsheet: save it as CSV",)
    assert changed.verified_at != first.verified_at
