"""What changed about the inputs and the rules of two runs, as far as their folders say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model.changes import InputChange, RuleChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model.inputs import JudgedInputs
    from recon.runs.comparing.read_run import ReadRun
    from recon.runs.run_summary import CheckResult, RunSummary

SHOWN_DIGITS = 16
ABSENT = "none"
NOT_GIVEN = "not given"
# Said of every run by its judgement.
SAID = ("show_pii",)


def input_changes(older: ReadRun, newer: ReadRun) -> Iterator[InputChange]:
    """Yield every input of the two runs."""
    was, now, before, after = older.summary, newer.summary, older.inputs, newer.inputs
    yield InputChange("Bundle", was.bundle_path, now.bundle_path)
    yield InputChange("Import (run id)", was.run_id, now.run_id)
    yield InputChange("Content of the bundle", before.bundle if before else None, after.bundle if after else None)
    if before and after and before.bundle != after.bundle:
        for name in sorted({*before.files, *after.files}):
            yield InputChange(f"Content of {name}", _digest(before, name), _digest(after, name))
    yield InputChange("Database", was.snapshot.database, now.snapshot.database)
    yield InputChange("Personal data", _masked(was), _masked(now))
    yield InputChange("Version of recon", before.recon if before else None, after.recon if after else None)
    names = dict.fromkeys([*(before.settings if before else ()), *(after.settings if after else ())])
    for name in names:
        if name not in SAID:
            yield InputChange(name.replace("_", " ").capitalize(), _setting(before, name), _setting(after, name))


def rule_changes(older: ReadRun, newer: ReadRun) -> Iterator[RuleChange]:
    """Yield the rules that are not as they were."""
    were, are = older.checks, newer.checks
    for check in are.values():
        if check.id not in were:
            yield RuleChange(check.id, check.name, "added", check.overrides or "")
            continue
        changed = _rule_changed(were[check.id], check, older.inputs, newer.inputs)
        if changed:
            yield changed
    for check in were.values():
        if check.id not in are:
            yield RuleChange(check.id, check.name, "removed")


def _rule_changed(
    was: CheckResult, check: CheckResult, before: JudgedInputs | None, after: JudgedInputs | None
) -> RuleChange | None:
    severity = f"severity {check.severity}, was {was.severity}" if check.severity != was.severity else ""
    if check.overrides != was.overrides:
        detail = check.overrides or f"as it was shipped; before: {was.overrides}"
        return RuleChange(check.id, check.name, "overridden", detail)
    is_another = before is not None and after is not None and before.rules.get(check.id) != after.rules.get(check.id)
    return RuleChange(check.id, check.name, "changed", severity) if is_another or severity else None


def _digest(inputs: JudgedInputs, name: str) -> str:
    return inputs.files.get(name, ABSENT)[:SHOWN_DIGITS]


def _setting(inputs: JudgedInputs | None, name: str) -> str | None:
    """Return an option in words; None: that version of recon did not record it."""
    if inputs is None or name not in inputs.settings:
        return None
    return inputs.settings[name] or NOT_GIVEN


def _masked(run: RunSummary) -> str:
    return "masked" if run.masked else "shown"
