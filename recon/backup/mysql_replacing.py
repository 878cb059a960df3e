"""A backup in the place of what a MySQL or MariaDB database holds: loaded beside it, then renamed in one statement."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace as replaced

from recon.backup.contents import compare_contents
from recon.backup.mysql import characters_of, load, text_of
from recon.backup.mysql_moving import HAND_OVER_RIGHT, Moved, can_rename_locked, in_place, move
from recon.backup.mysql_objects import STATEMENTS, everything, routines_and_views, triggers
from recon.backup.mysql_places import (
    GATES,
    LONGEST_NAME,
    Places,
    RestoreState,
    clear,
    clear_all,
    left_behind,
    take_lock,
    write_state,
)
from recon.backup.mysql_rights import lacking
from recon.backup.mysql_schema import compared, definers, of_dump, unbound_tables
from recon.backup.mysql_session import ServerRefusal, mysql_session, quoted
from recon.backup.replacing import (
    CREATED,
    EDITED,
    UNCHANGED,
    WrittenRows,
    instant_text,
    later_than,
    require_equal,
)
from recon.database.mysql_statement import literal_mysql
from recon.errors import ReconError, RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from recon.backup.contents import TableContent, Tools
    from recon.backup.manifest import BackupManifest
    from recon.backup.mysql_objects import MadeObject
    from recon.backup.mysql_session import MysqlSession
    from recon.backup.replacing import Replacement, ReplacingListener, Survey
    from recon.database import DatabaseUrl

way = (
    "The backup is loaded into a database beside this one (NAME_recon_restore_…) and compared with the manifest; one "
    "RENAME TABLE, between whose lock and whose end nobody can write, moves the tables that are there away, and those "
    "of the backup to their place"
)
limits = (
    "While tables are compared and renamed nobody can use them: others wait, or are ended by their own limits",
    "Tables that are newer than the backup stay; events, users, rights and settings are left as they are",
    "What the tables held takes room on the server until the restore is done, beside that of the backup",
)
FORM = {False: "plain", True: "plain, gzip"}
CHECK = "Check the backup: recon backup test"


def survey(url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:  # noqa: ARG001 - as of every kind
    """Compare the schema with the dump's, and find out what else is concerned; nothing is changed.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    with text_of(data, FORM[data.suffix == ".gz"]) as text:
        backup = of_dump(text)
    with mysql_session(url) as opened:
        live = list(everything(opened))
        needed = () if can_rename_locked(opened) else HAND_OVER_RIGHT
        accounts = definers([*backup.values(), *(each.sql for each in live)])
        by_name = manifest.server != _server(opened)
        found = compared(live, backup, _unbound(opened, manifest), by_name=by_name)
        return replaced(
            found,
            missing_rights=tuple(lacking(opened, needed, accounts)),
            remarks=tuple(_remarks(opened, manifest, by_name=by_name)),
            written=_written(opened, manifest.snapshot_at),
        )


def _server(opened: MysqlSession) -> str:
    return f"{'MariaDB' if opened.is_mariadb else 'MySQL'} {opened.version}"


def _unbound(opened: MysqlSession, manifest: BackupManifest) -> set[str]:
    references = [(str(table), str(parent)) for table, parent in opened.ask(STATEMENTS["references"])]
    return unbound_tables(references, {*manifest.tables}, {*opened.tables()})


def _remarks(opened: MysqlSession, manifest: BackupManifest, *, by_name: bool) -> Iterator[str]:
    for each in _hindrances(opened, manifest):
        yield f"{each}: it keeps the restore from being done"
    ((others,),) = opened.ask(STATEMENTS["others"])
    if others:
        words = "one that holds a table for more than two seconds keeps the restore from being done"
        yield f"Other sessions are connected ({others}): {words}"
    for (name,) in opened.ask(STATEMENTS["events"]):
        yield f"The event {name} stays as it is: a backup holds none"
    plain = ", ".join(name for name, engine in opened.tables().items() if engine != "InnoDB")
    if plain:
        yield f"Tables of an engine without transactions ({plain}): a crash may find some renamed, others not"
    if by_name:
        yield f"Schemas are compared by name alone: the backup is of another version ({manifest.server})"
    for places in left_behind(opened):
        yield f"{places.staging} is there: another restore is under way, or was ended, and the next one clears it away"


def _hindrances(opened: MysqlSession, manifest: BackupManifest) -> Iterator[str]:
    """What keeps tables from being renamed; nothing is done then."""
    if len(opened.url.name) > LONGEST_NAME:
        yield f"The name of the database is longer than {LONGEST_NAME} characters, so that no other can begin with it"
    forms = {name: form for name, form, _ in opened.ask(STATEMENTS["tables"])}
    for name, form in forms.items():
        if form not in {"BASE TABLE", "SEQUENCE"}:
            yield f"The table {name} keeps a history ({form.lower()}), which a backup does not hold"
    for schema, table, parent in opened.ask(STATEMENTS["referring"]):
        if parent in manifest.tables:
            yield f"The table {schema}.{table} of another database refers to {parent}"
    for (name,) in opened.ask(STATEMENTS["views"]):
        if name in manifest.tables:
            yield f"The view {name} has the name of a table of the backup"


def _written(opened: MysqlSession, instant: datetime) -> dict[str, WrittenRows]:
    opened.hold()
    columns: dict[str, list[str]] = {}
    for table, column in opened.ask(STATEMENTS["stamps"]):
        columns.setdefault(str(table), []).append(str(column))
    found = {}
    for table, names in columns.items():
        created, edited = later_than(names, CREATED), later_than(names, EDITED)
        if created or edited:
            statement = STATEMENTS["written"].format(
                table=quoted(table), created=_later(created, instant), edited=_later(edited, instant)
            )
            ((new, changed),) = opened.ask(statement)
            found[table] = WrittenRows(*(None if each is None else int(each) for each in (new, changed)))
    return found


def _later(column: str | None, instant: datetime) -> str:
    if column is None:
        return "null"
    return f"count(case when {quoted(column)} > {literal_mysql(instant_text(instant))} then 1 end)"


def settle(url: DatabaseUrl, listener: ReplacingListener) -> None:
    """Complete or take back what a restore left behind that was ended before its time.

    Raises:
        RollbackError: Another restore is under way, or what is there has to be looked at by a person.
        DatabaseError: The server refuses the connection.
    """
    with _refused(url), mysql_session(url, is_writing=True) as opened:
        if left_behind(opened):
            take_lock(opened)
            for each in clear_all(opened):
                listener.note(each)


def replace(url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> float:
    """Put the backup in place; returns for how many seconds every table was locked.

    Raises:
        RollbackError: Nothing was changed, for the reason that it names; or the backup is in place, and what is not.
        BackupError: The client program is missing or slow; nothing was changed.
        DatabaseError: The server refuses the connection.
    """
    places = Places.of(url)
    with _refused(url), mysql_session(url, is_writing=True) as moving:
        take_lock(moving)
        for each in clear_all(moving):
            listener.note(each)
        try:
            outage_s = _Beside(places, wanted, tools, listener).carry_out(moving)
        except BaseException:
            with suppress(ReconError):
                clear(places)
            raise
        listener.step("Removing what was there")
        with in_place():
            clear(places)
        return outage_s


@contextmanager
def _refused(url: DatabaseUrl) -> Iterator[None]:
    """Turn what the server refuses into an error that says that nothing was changed."""
    try:
        yield
    except ServerRefusal as error:
        raise RollbackError(
            f"The server refused the restore ({UNCHANGED})",
            where=url.label,
            found=error.found,
            next_step="Do what the message says, and give the same command again",
        ) from None


class _Beside:
    """One restore, up to the statement that renames."""

    def __init__(self, places: Places, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> None:
        self._places, self._wanted, self._tools, self._listener = places, wanted, tools, listener
        self._url = places.url

    def carry_out(self, moving: MysqlSession) -> float:
        with mysql_session(self._url) as opened:
            for each in _hindrances(opened, self._wanted.manifest):
                raise RollbackError(
                    f"{each} ({UNCHANGED})",
                    where=self._url.label,
                    next_step="Have the DBA see to it, or restore with the server's own programs",
                )
            live = {name: form for name, form, _ in opened.ask(STATEMENTS["tables"])}
            unbound = sorted(_unbound(opened, self._wanted.manifest))
            present, old = routines_and_views(opened), triggers(opened)
        self._load(moving)
        new_triggers, made = self._taken_out(unbound, old)
        with mysql_session(self._places.staging_url) as staging:
            come = [str(name) for name, *_ in staging.ask(STATEMENTS["tables"])]
        out = [name for name in come if name in live]
        wanted = Moved(
            self._places,
            out=out,
            come=come,
            copied=unbound,
            standing=[name for name in live if name not in out],
            present=dict(self._wanted.present or {}),
            old=[each for each in old if each.table in out],
            new=new_triggers,
        )
        state = RestoreState(
            old=list(wanted.old),
            new_triggers=new_triggers,
            new=[each for each in made if each not in present],
            present={name: wanted.present[name] for name in out if name in wanted.present},
        )
        write_state(moving, self._places, state)
        return move(moving, wanted, self._listener)

    def _load(self, moving: MysqlSession) -> None:
        """Load the backup beside the database, and compare it with its manifest."""
        self._listener.step("Loading the backup beside the database")
        places, wanted = self._places, self._wanted
        characters = characters_of(wanted.manifest.settings, self._url)
        for name in (places.staging, places.aside):
            moving.run(f"create database {quoted(name)}{characters}")
        for gate in GATES:
            moving.run(f"create table {quoted(places.aside)}.{quoted(gate)} (id int) engine = InnoDB")
        with text_of(wanted.data, FORM[wanted.data.suffix == ".gz"]) as text:
            errors = load(moving, places.staging, text, self._tools)
        if errors:
            raise RollbackError(
                f"The backup cannot be loaded without an error ({UNCHANGED})",
                where=self._url.label,
                found=errors[0],
                next_step=CHECK,
            )
        self._listener.step("Comparing it with the manifest")
        with mysql_session(places.staging_url) as opened:
            opened.hold()
            self._require(opened.contents())

    def _require(self, found: dict[str, TableContent]) -> None:
        manifest = self._wanted.manifest
        differing = compare_contents(manifest.tables, found, manifest.left_out)
        words = "The backup did not bring back what its manifest says"
        require_equal(differing, words, self._url.label, CHECK)

    def _taken_out(self, unbound: list[str], old: list[MadeObject]) -> tuple[list[MadeObject], list[MadeObject]]:
        """Take triggers, functions, procedures and views out, which are not renamed, and write the audit row.

        Returns:
            The triggers of all tables that come, and the rest.
        """
        with mysql_session(self._places.staging_url, is_writing=True) as opened:
            found, made = triggers(opened), routines_and_views(opened)
            for each in found:
                opened.run(f"drop trigger {quoted(each.name)}")
            if self._wanted.last:
                opened.run(self._wanted.last)
            for name in unbound:
                opened.run(f"create table {quoted(name)} like {quoted(self._url.name)}.{quoted(name)}")
        return [*found, *(each for each in old if each.table in unbound)], made
