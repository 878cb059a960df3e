"""From a check to its rows to one person: tables that are linked with each other and with a chart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.errors import ReconError, UsageError
from recon.model import ENTITIES, SINGULAR
from recon.notebook.exploring.live import is_live
from recon.notebook.exploring.opened import OpenedRecord, with_values
from recon.notebook.exploring.row_table import Contents, RowTable
from recon.notebook.exploring.writing import ChosenFindings
from recon.report.text import printable
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.answers.answers import Answers
    from recon.answers.asking import Frame, Questions
    from recon.charts.linked import LinkedChart

# The questions to the ledger that a frame answers, and what its rows are.
OF_THE_LEDGER = {
    "missing": "in the bundle and not in the database",
    "unexpected": "in the database and in no record of the bundle",
    "altered": "of which a value differs, one row per value",
    "rejected": "that the importer refused",
    "skipped": "that the importer left alone",
    "merged": "that share a row with another",
    "ledger": "of the ledger: every record, and every row without one",
}
CHECK = "check"
HIDDEN = ("finding", "fingerprint")
# By what rows are counted in the chart: the first of these that they have.
COUNTED = ("cause", "outcome", "row_outcome", "problem", "field", "entity", "status")
MOST_BARS, QUESTION_ROWS = 12, 10
SECTION = '<section aria-label="Explorer">{}</section>'


class Explorer:
    """What a run found, to be looked at: a table of its checks and questions, the rows of one, and one person.

    Attributes:
        answers: The run.
        questions: The checks and the ledger's questions; opening one shows its rows.
        rows: The rows of the opened one; opening one shows its record, both sides.
        chart: How many of these rows have which cause, or whatever else they are counted by.
    """

    def __init__(self, answers: Answers, question: str = "", key: str = "") -> None:
        self.answers = answers
        self._chart: LinkedChart | None = None
        self._place: Any = None
        self._asked, self._counted = ("", ""), ""
        frame = self._masked(pl.DataFrame(list(self._questions()), schema=QUESTIONS, orient="row"))
        self._said = dict(frame.select("id", "question").iter_rows())
        v = answers.verification
        self.questions = RowTable(
            Contents(frame, f"Run {v.run_id}: {v.verdict}", self._not_listed(), opens="shows the rows"),
            QUESTION_ROWS,
        )
        self.rows = RowTable(Contents(pl.DataFrame(), "Rows", "Open a check or a question above."))
        self.questions.on_open = self._open_question
        self.rows.on_open, self.rows.on_change = self._open_row, self._count
        self.rows.on_back, self.questions.on_painted = self.questions.take_focus, self._draw_chart
        self.open(question or self._first(frame))
        if key:
            self.rows.opened = self.person(key)

    def open(self, question: str) -> None:
        """Show the rows of a check by its id, or of a question to the ledger ("missing members").

        Raises:
            UsageError: There is no such check or question, or it cannot be answered.
        """
        name, _, entity = question.partition(" ")
        if name in OF_THE_LEDGER and entity in ENTITIES:
            self._show_ledger(name, entity)
        else:
            self._show_check(question)

    def person(self, key: str, entity: str = "") -> OpenedRecord:
        """Everything about one record: see `Answers.entity`.

        Args:
            key: Its Wild Apricot id, its id in the database, its address, name or title.
            entity: "members", "events" or "registrations"; empty: that of the rows, or else members.
        """
        return self._record(entity or self._asked[1] or ENTITIES[0], key)

    @property
    def chosen(self) -> ChosenFindings:
        """The chosen findings: `chosen.accept(...)`, `chosen.write(...)`."""
        rows = self.rows.chosen_rows
        return ChosenFindings(self.answers, tuple(rows["finding"]) if "finding" in rows.columns else ())

    @property
    def chart(self) -> LinkedChart:
        """The chart, for which Altair is imported when it is first needed."""
        if self._chart is None:
            from recon.charts.linked import LinkedChart  # noqa: PLC0415 - a heavy import

            self._chart = LinkedChart(lambda values: self.rows.show_only(self._counted, values))
            self._count()
        return self._chart

    def html(self) -> str:
        """The first pages as static tables, and the chart as a picture."""
        chart = self.chart.figure().html() if self.chart.counts else ""
        return SECTION.format(self.questions.html() + chart + self.rows.html())

    def __repr__(self) -> str:
        return f"<explorer of {self.answers!r}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if not is_live():
            return {"text/plain": repr(self), "text/html": self.html()}
        from ipywidgets import Box, VBox  # noqa: PLC0415 - comes with the extra `lab`

        self._place = Box()
        whole = VBox([self.questions.widget, self._place, self.rows.widget])
        return whole._repr_mimebundle_(**options)

    def _draw_chart(self) -> None:
        """Draw the chart, once the tables are painted: it takes seconds that they do not need."""
        if self._place is not None and not self._place.children and self.chart.counts:
            self._place.children = (self.chart.widget,)

    def _questions(self) -> Iterator[tuple[str, str, str, str, int | None]]:
        for check in self.answers.checks:
            yield CHECK, check.id, str(check.outcome), f"{check.name}: {check.message}", check.violation_count
        ledger = self.answers.verification.ledger
        for account in ledger.entities if ledger else ():
            for name, about in OF_THE_LEDGER.items():
                yield "ledger", f"{name} {account.entity}", "", f"{account.entity.capitalize()} {about}", None

    def _masked(self, questions: pl.DataFrame) -> pl.DataFrame:
        """What checks say, without the personal data that a run shows which was verified with --show-pii."""
        return questions if self.answers.verification.masked else self.answers.masked(questions)

    def _not_listed(self) -> str:
        """Which entities have no account, and why."""
        ledger = self.answers.verification.ledger
        if ledger is None:
            return "There is no account of records: this judgement was reached without a ledger."
        return " ".join(f"No account of the {entity}: {why}." for entity, why in ledger.not_evaluated.items())

    @staticmethod
    def _first(questions: pl.DataFrame) -> str:
        """The check that failed with the most rows, or else the first one."""
        checks = questions.filter(pl.col("about") == CHECK)
        failed = checks.filter(pl.col("outcome") == "FAIL").sort("rows", descending=True, nulls_last=True)
        return str(next(iter([*failed["id"], *checks["id"]]), ""))

    def _open_question(self, values: dict[str, Any]) -> None:
        self.open(values["id"])
        self.rows.take_focus()

    def _show_check(self, name: str) -> None:
        check = self.answers.checks[name]
        self._asked = (CHECK, "")
        about, choosable = self._said[check.id].removeprefix(f"{check.name}: "), False
        try:
            frame = self.answers.findings_of(check.id) if check.has_findings else self.answers.violations(check.id)
            choosable = "finding" in frame.columns
        except UsageError as error:
            frame, about = self.answers.violations(check.id), f"{about}. {error.message}"
        self._show(Contents(_filled(frame), f"{check.name}: {check.outcome}", about, HIDDEN, choosable, OPENS))

    def _show_ledger(self, name: str, entity: str) -> None:
        self._asked = (name, entity)
        title = f"{entity.capitalize()} {OF_THE_LEDGER[name]}"
        first = partial(_first_rows, self.answers, entity) if name == "ledger" else None
        whole = partial(_answer, self.answers, name, entity)
        lazy = _answer(self.answers.lazy, name, entity)
        self._show(Contents(lazy, title, opens=OPENS, first=first, whole=whole))

    def _show(self, contents: Contents) -> None:
        self.rows.show(contents)
        self._counted = ""
        self._count()

    def _count(self) -> None:
        """Count the rows for the chart, once there is one, by the first column that differs among them."""
        if self._chart is None or not self.rows.is_whole:
            return
        rows, names = self.rows.rows, [name for name in COUNTED if name in self.rows.rows.names]
        if not self._counted:
            several = (name for name in names if len(rows.tally(name, 2)) > 1)
            self._counted = next(several, next(iter(names), ""))
        found = rows.tally(self._counted, MOST_BARS) if self._counted else []
        self._chart.show(f"Rows by {self._counted.replace('_', ' ')}", found, is_picked=self.rows.only is not None)
        if self._place is not None:
            self._place.children = (self._chart.widget,) if found else ()

    def _open_row(self, values: dict[str, Any]) -> OpenedRecord:
        entity = values.get("entity") or self._asked[1]
        keys = [values.get(name) for name in ("key", "wa_id", "target_id", "id")]
        about = [(entity, key) for key in keys if key and entity in ENTITIES][:1]
        # Whom a rule names beside: "member_id" names a member.
        for each in ENTITIES:
            if values.get(f"{SINGULAR[each]}_id") and each != entity:
                about.append((each, values[f"{SINGULAR[each]}_id"]))
        found = [self._record(each, str(key)) for each, key in about]
        parts = {title: frame for record in found for title, frame in record.parts.items()}
        notes = [note for record in found for note in record.notes]
        title = found[0].title if found else "A row that is about no record"
        return with_values(OpenedRecord(title, parts, notes), values, HIDDEN)

    def _record(self, entity: str, key: str) -> OpenedRecord:
        one = SINGULAR.get(entity, entity).capitalize()
        try:
            answer = self.answers.entity(entity, key)
        except ReconError as error:
            return OpenedRecord(f"{one} {printable(key)}", {}, [error.message])
        parts = {f"{one}: {title}": frame for title, frame in answer.parts.items()}
        return OpenedRecord(f"{one} {printable(key)}: {_outcome(answer.ledger)}", parts)


QUESTIONS = {"about": pl.String, "id": pl.String, "outcome": pl.String, "question": pl.String, "rows": pl.Int64}
OPENS = "shows the record"
LAST_ROW = """
select max(source_row) as source_row from (select source_row from ledger.{entity} order by source_row limit {number})"""


def _answer(answers: Questions[Frame], name: str, entity: str) -> Frame:
    answer: Frame = getattr(answers.ledger, entity) if name == "ledger" else getattr(answers, name)(entity)
    return answer


def _first_rows(answers: Answers, entity: str, number: int) -> pl.DataFrame:
    """The first rows of an entity's ledger: what people call the others is not looked up."""
    last = answers.sql(LAST_ROW.format(entity=quote(entity), number=number)).item()
    lazy = getattr(answers.lazy.ledger, entity)
    found: pl.DataFrame = lazy.filter(pl.col("source_row") <= last).head(number).collect()
    # Rows that no record has come after all records.
    return found if found.height == number else lazy.head(number).collect()


def _outcome(ledger: pl.DataFrame) -> str:
    return str(ledger["outcome"][0] or ledger["row_outcome"][0])


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without columns that have no value, but those by which a finding is known."""
    kept = (*HIDDEN, "entity", "key")
    return frame.select(name for name in frame.columns if name in kept or frame[name].null_count() < frame.height)


def explore(answers: Answers, question: str = "", key: str = "") -> Explorer:
    """Look at a run: its checks, the rows of one, and one person, linked with each other and with a chart.

    Args:
        answers: The run, opened with `recon.open_run`.
        question: The id of a check, or a question to the ledger ("missing members"), to begin with; empty: the first
            check that failed.
        key: The record to show; empty: none.

    Raises:
        UsageError: There is no such check or question.
    """
    return Explorer(answers, question, key)


def table(frame: pl.DataFrame | pl.LazyFrame, title: str = "Rows") -> RowTable:
    """Show any frame that a question returned as a table to page, sort, filter and search.

    It shows what the frame holds: those that a run's methods return are masked unless the run shows personal data.
    """
    return RowTable(Contents(frame, title))
