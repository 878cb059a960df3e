"""The verification itself: bundle and database in, Verification out."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.background import await_result
from recon.bundle import Bundle, open_bundle
from recon.bundle.policies import ExportedPolicies, PolicyDefinition, read_exported, require_shared
from recon.ledger import DeclaredPolicies, LedgerSettings, account_for, ledger_columns, settings_columns
from recon.model import ENTITIES, AcceptedDifferences, Check, SnapshotInfo, Verification
from recon.profile import load_profile
from recon.rules import Rule, load_policy_definitions, load_rules
from recon.rules.acceptance.applying import apply_acceptance
from recon.rules.evaluation import evaluate_all
from recon.rules.findings import create_findings
from recon.rules.references import known_names, require_known
from recon.rules.waiting import RuleLimits
from recon.verification.accepting import accepted_differences, require_own_judgement
from recon.verification.advice import load_advice, with_advice
from recon.verification.distributions import COLUMNS as DISTRIBUTED
from recon.verification.distributions import distributions
from recon.verification.escalation import Circumstances, advise, command_words
from recon.verification.inputs import baseline_digest, digests_of, judged_inputs
from recon.verification.masked import Masking
from recon.verification.not_checked import Scope, not_checked
from recon.verification.opening import kept_snapshot, opened_source, refuse_dry_run
from recon.verification.options import require_options
from recon.verification.progress import Stopwatch, require_listener
from recon.verification.recorded import judgement_key, recorded_judgement
from recon.verification.tiers import TIER_COLUMNS, members_by_tier
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.load_database import take_snapshot
from recon.warehouse.load_kept import load_snapshot
from recon.warehouse.reads import ROLLED_BACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from recon.model.inputs import JudgedInputs
    from recon.profile import Profile
    from recon.rules.acceptance import AcceptanceFile
    from recon.verification.advice_table import Advice
    from recon.verification.options import VerifyOptions
    from recon.verification.progress import Listener

NEWEST_RUN = "select run_id from target.runs where run_id <> '' order by recorded_at desc nulls last limit 1"
RULE_LIMIT_S = 600
BASELINES = "recon.verification.baseline"
# Raised when more is masked, so that a judgement that was recorded before is reached anew.
MASKING_VERSION = 2
# Named by who runs recon, not by what was migrated.
DATABASE = ("database",)
UNUSABLE = "select reason from ledger.policy_settings where is_absent or is_refused"


def verify(options: VerifyOptions, listener: Listener | None = None) -> Verification:
    """Verify a migration: compare what the bundle reports with what the database holds at one instant.

    Where the database is a snapshot that a run kept with a judgement under the same key, that judgement is returned.

    Raises:
        ReconError: The bundle, the database or a suite cannot be used; no verdict was reached.
    """
    with judged(options, listener) as judgement:
        return judgement.verification


@dataclass(frozen=True)
class Judgement:
    """A Verification together with the warehouse that it was reached on, while that is open.

    Attributes:
        case: What it was reached from, while the bundle is open.
    """

    verification: Verification
    warehouse: Warehouse
    case: VerificationInput

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order of their checks."""
        return self.case.rules

    def key(self) -> str:
        """Return what distinguishes it from other judgements on the same snapshot; reads the whole bundle."""
        return self.case.key

    def find(self) -> None:
        """Create `checks.findings` in the warehouse, unless it is there; see `create_findings`."""
        create_findings(self.rules, self.verification.checks, self.warehouse)


@contextmanager
def judged(options: VerifyOptions, listener: Listener | None = None, *, afresh: bool = False) -> Iterator[Judgement]:
    """Verify as `verify` does, and keep the warehouse open; `afresh`: ignore the judgement recorded in a snapshot."""
    require_options(options)
    require_own_judgement(options)
    listener = require_listener(listener)
    watch = Stopwatch()
    listener.bundle_opening(options, watch.started_at)
    with (
        Warehouse(kept=kept_snapshot(options)) as warehouse,
        open_bundle(Path(options.bundle), options.exports_folder) as bundle,
    ):
        profile = load_profile(options.profile).require_whole()
        advice = load_advice(options.advice)
        rules = with_advice(load_rules(options.layers), advice, options.advice)
        require_known(rules, known_names(profile))
        definitions = load_policy_definitions(options.layers)
        exported = None if options.policies is None else read_exported(options.policies)
        if exported:
            require_shared(exported, bundle.policies or ())
        accepted = accepted_differences(options, rules)
        today = watch.started_at.date()
        case = VerificationInput(bundle, profile, rules, options, definitions, exported, accepted, today, advice)
        verification = recorded_judgement(warehouse, case.key) if warehouse.kept and not afresh else None
        if verification:
            _replay_events(verification, bundle, rules, listener)
        else:
            refuse_dry_run(bundle, options)
            verification = _judge(case, warehouse, listener, watch)
        yield Judgement(verification, warehouse, case)


@dataclass(frozen=True)
class VerificationInput:
    """The input of a verification: what is verified, by which rules and options.

    Attributes:
        definitions: What policies may be, by key.
        exported: The policies that the application exports; None: no file of them is given.
        accepted: The accepted differences; None: none are given.
        today: By UTC; it decides which of them have expired.
        advice: The table of advice.
    """

    bundle: Bundle
    profile: Profile
    rules: tuple[Rule, ...]
    options: VerifyOptions
    definitions: Mapping[str, PolicyDefinition]
    exported: ExportedPolicies | None
    accepted: AcceptanceFile | None
    today: date
    advice: Advice

    @property
    def requires(self) -> set[str]:
        """Every table and column to read."""
        charted = DISTRIBUTED if self.options.distributions else ()
        ruled = (reference for rule in self.rules for reference in rule.reads)
        settings = settings_columns(self.profile) if self.bundle.policies and not self.exported else set()
        return {*TIER_COLUMNS, *ledger_columns(self.bundle.listed), *settings, *charted, *ruled}

    @cached_property
    def files(self) -> dict[str, str]:
        """The digest of each file of the bundle; the first access reads the whole bundle."""
        return digests_of(self.bundle)

    @property
    def key(self) -> str:
        """What distinguishes the judgement from others on the same snapshot; see `judgement_key`."""
        return judgement_key(self.bundle, self.files, self.rules, _settings(self))

    @property
    def described(self) -> JudgedInputs:
        """What to keep of it beside the judgement."""
        return judged_inputs(self.files, self.rules, self.options, self.profile)

    @property
    def policies(self) -> DeclaredPolicies:
        """The declared policies, and what they are judged by."""
        return DeclaredPolicies(self.bundle.policies, self.definitions, self.exported, self.bundle.config)


def _judge(case: VerificationInput, warehouse: Warehouse, listener: Listener, watch: Stopwatch) -> Verification:
    """Load both sides and evaluate the rules."""
    bundle, options = case.bundle, case.options
    masking = Masking(case.profile, warehouse, is_off=options.show_pii)
    snapshot = _load(case, warehouse, masking, listener, watch)
    settings = LedgerSettings(case.profile, bundle.config, masked=not options.show_pii, policies=case.policies)
    ledger = masking.ledger(account_for(warehouse, settings, listener.accounting))
    if options.baseline:
        # It reads backups, which few verifications do.
        import_module(BASELINES).load_baselines(warehouse, case.profile, options, snapshot.database)
    snapshot = masking.sentences(_with_reason(snapshot, warehouse), leave=DATABASE)
    watch.lap("account for every record")
    listener.checks_starting(case.rules)
    checks, accepted = _checks(case, warehouse, masking, listener)
    tiers = masking.sentences(tuple(members_by_tier(warehouse)))
    distributed = masking.sentences(distributions(warehouse)) if options.distributions else None
    unchecked = not_checked(warehouse, snapshot, Scope(case.profile, case.rules, case.requires))
    watch.lap("evaluate rules")
    verification = Verification(
        run_id=bundle.run_id,
        bundle_path=options.bundle_text,
        dry_run=bundle.dry_run,
        completed_at=bundle.completed_at,
        started_at=watch.started_at,
        verified_at=datetime.now(UTC),
        duration_ms=watch.total_ms,
        age=None if bundle.completed_at is None else watch.started_at - bundle.completed_at,
        checks=checks,
        counts_bundle={name: bundle.entities[name].expected for name in ENTITIES},
        counts_database={name: snapshot.rows[name] for name in ENTITIES},
        tiers=tiers,
        policies=masking.policies(),
        snapshot=snapshot,
        escalation=advise(checks, advice=case.advice),
        timings_ms=watch.steps_ms,
        masked=not options.show_pii,
        distributions=distributed,
        ledger=ledger,
        not_checked=masking.sentences(unchecked),
        notes=masking.values(bundle.notes),
        accepted_differences=accepted,
    )
    if verification.ledger:
        listener.accounted(verification.ledger)
    return masking.run(_advised(verification, warehouse, case))


def _advised(v: Verification, warehouse: Warehouse, case: VerificationInput) -> Verification:
    """The verification with the advice that its subject calls for."""
    newest = [row["run_id"] for row in warehouse.rows(NEWEST_RUN)] if "target.runs" in warehouse.row_counts else []
    is_rolled_back = newest == [v.run_id + ROLLED_BACK]
    circumstances = Circumstances(
        is_dry_run=v.dry_run,
        is_unrelated=v.is_unrelated,
        is_rolled_back=is_rolled_back,
        corrupted=tuple(f"The table {table!r} is damaged: {why}" for table, why in v.snapshot.damaged.items()),
        words=command_words(case.options, is_kept=warehouse.kept is not None),
        judged_at=v.verified_at,
    )
    return replace(v, escalation=advise(v.checks, circumstances, case.advice))


def _load(
    case: VerificationInput, warehouse: Warehouse, masking: Masking, listener: Listener, watch: Stopwatch
) -> SnapshotInfo:
    """Load bundle and snapshot; return how the snapshot was taken."""
    with opened_source(case.options, warehouse) as source:
        load_bundle(case.bundle, warehouse, case.requires)
        listener.bundle_opened(case.bundle, watch.started_at)
        watch.lap("load bundle and rules")
        listener.database_opening()
        if source is None:
            snapshot = load_snapshot(warehouse, case.profile, case.requires)
        else:
            opened = await_result(source)
            snapshot = take_snapshot(opened, case.profile, case.requires, warehouse, listener.rows_read)
    snapshot = masking.sentences(snapshot, leave=DATABASE)
    watch.lap("read database")
    listener.database_read(snapshot)
    return snapshot


def _with_reason(snapshot: SnapshotInfo, warehouse: Warehouse) -> SnapshotInfo:
    """The snapshot with the reason why the settings that the profile names are of no use, if they are not."""
    reasons = [row["reason"] for row in warehouse.rows(UNUSABLE)]
    return replace(snapshot, not_read={"target.policies": reasons[0], **snapshot.not_read}) if reasons else snapshot


def _checks(
    case: VerificationInput, warehouse: Warehouse, masking: Masking, listener: Listener
) -> tuple[tuple[Check, ...], AcceptedDifferences | None]:
    """Evaluate the rules; each check is shown at once, unless what is accepted has to be known first."""
    accepted = None
    checks = []
    # Closed at once where anything ends this: what is being evaluated is then ended.
    with closing(evaluate_all(case.rules, warehouse, case.options.evidence_rows, _limits(case, warehouse))) as judging:
        evaluated: Iterable[Check] = _counted(judging, listener)
        if case.accepted:
            whole = tuple(evaluated)
            create_findings(case.rules, whole, warehouse)
            evaluated, accepted = apply_acceptance(case.accepted, whole, warehouse, case.today)
        for rule, found in zip(case.rules, evaluated, strict=True):
            check = masking.check(found, rule)
            listener.check_done(check)
            checks.append(check)
    return tuple(checks), masking.values(accepted, leave=("file",))


def _counted(judging: Iterable[Check], listener: Listener) -> Iterator[Check]:
    for number, check in enumerate(judging, 1):
        listener.check_evaluated(number)
        yield check


def _limits(case: VerificationInput, warehouse: Warehouse) -> RuleLimits:
    """What a rule may take: as much again as the warehouse may, and once more for what it hands over."""
    return RuleLimits(case.options.timeout_s or RULE_LIMIT_S, 2 * warehouse.memory_limit_mb * 10**6)


def _settings(case: VerificationInput) -> dict[str, object]:
    """Return what a judgement depends on besides the bundle, the snapshot and the rules."""
    return {
        **case.options.deciding,
        "masking": MASKING_VERSION,
        "personal": {} if case.options.show_pii else dict(case.profile.personal_columns),
        "tables": repr(case.profile.tables),
        "policies": repr((*case.definitions.values(), case.exported)),
        "advice": repr(case.advice),
        "baseline": [baseline_digest(Path(folder)) for folder in case.options.baseline],
        "accepted": case.accepted and case.accepted.terms(case.today),
    }


def _replay_events(recorded: Verification, bundle: Bundle, rules: Sequence[Rule], listener: Listener) -> None:
    """Notify the listener of a recorded judgement as if it were reached now."""
    listener.bundle_opened(bundle, recorded.started_at)
    listener.database_opening()
    listener.database_read(recorded.snapshot)
    listener.checks_starting(rules)
    for check in recorded.checks:
        listener.check_done(check)
    if recorded.ledger:
        listener.accounted(recorded.ledger)
