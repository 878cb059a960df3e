"""Builds the ledger in the warehouse, before any rule is evaluated, and returns its result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from recon.bundle.formats import CONFIG, REPORT, TIER_MAPPING, TIERS_ENABLED
from recon.comparison import register_normalisers
from recon.errors import DatabaseError
from recon.ledger.accounting import STATEMENTS, AccountReader, EntityResult
from recon.ledger.associations import AssociationReader
from recon.ledger.calibration import calibrate
from recon.ledger.causes import Mapped
from recon.ledger.edits import find_edits, forget_edits
from recon.ledger.empties import count_empties
from recon.ledger.entities import CODES, EVERY_ENTITY, ID_MAPPINGS, STAMPS, Entity, target_columns
from recon.ledger.field_mapping import absence, fields_sql, is_mapped, leave_out_unfilled, map_fields, stored_types
from recon.ledger.id_mappings import judge_mappings
from recon.ledger.key_hints import key_hints
from recon.ledger.losses import name_losses
from recon.ledger.outcome_counts import OutcomeCounts
from recon.ledger.pairing import RUN, RecordPairing, create
from recon.ledger.policies import DeclaredPolicies, judge_policies
from recon.ledger.policy_settings import TARGET as SETTINGS
from recon.ledger.policy_settings import settings_columns
from recon.ledger.value_comparison import ValueComparison
from recon.profile import Profile
from recon.sql import named_statements
from recon.warehouse import LoadColumn

if TYPE_CHECKING:
    from collections.abc import Collection

    from recon.ledger.calibration import Calibration
    from recon.ledger.field_mapping import FieldMapping
    from recon.ledger.outcomes import Outcomes
    from recon.model import Ledger
    from recon.warehouse import Warehouse

SETUP = Path(__file__).with_name("setup.sql")
LEVELS = named_statements(Path(__file__).with_name("levels.sql"))
DECLARED = "select key, value from source.policies where key in ($mapping, $enabled) and source <> 'template'"
TIERS = "select cast(id as varchar) as id from target.tiers where id is not null order by id"
ACCOUNT = "insert into ledger.accounts (entity, {names}) values ($entity, {values})"
LOOKED_UP = {"statuses": CODES, "tiers": CODES, "id_mappings": ID_MAPPINGS}
ROWS = "select '{table}', count(*) from ledger.{table}"
LEVEL_COLUMNS = (
    "source.members.level",
    "target.members.tier_id",
    "target.tiers",
    "target.tiers.id",
    "target.tiers.code",
)
# The columns whose values the ledger compares with what the bundle says; the stamps are evidence alone.
COMPARED_COLUMNS = frozenset(
    name for entity in EVERY_ENTITY for name in target_columns(entity) if not name.endswith(STAMPS)
) | {"target.tiers.id", "target.tiers.code"}
StepListener = Callable[[str, int, int], object]
CLOCK = "insert into ledger.clocks values (?, ?, ?)"
# The steps that are taken once, after those of each entity.
OTHER_STEPS = ("judging id mappings", "judging tiers and policies", "looking for causes")
TABLES = {
    **{entity.name: "record" for entity in EVERY_ENTITY},
    "differences": "entity",
    "duplicate_keys": "entity",
    "id_mappings": "entity",
    "mapped": "entity",
    "fields": "entity",
    "tiers": "level",
    "tier_facts": "detail",
    "policies": "key",
    "policy_problems": "policy",
    "policy_settings": "name",
    "accounts": "entity",
    "clocks": "entity",
    "baselines": "baseline",
    "lost_rows": "baseline",
}


def _unheard(step: str, number: int, total: int) -> None:
    """Do nothing."""


class LedgerSettings(Struct, frozen=True):
    """What the ledger needs in addition to the warehouse.

    Attributes:
        config: The content of migration-config.json; None: the bundle has none.
        masked: Whether personal data is masked in the account.
        policies: The policies that the bundle declares, and what they are judged by; None: they are not judged.
    """

    profile: Profile
    config: Mapping[str, Any] | None = None
    masked: bool = True
    policies: DeclaredPolicies | None = None


def ledger_columns(listed: Collection[str]) -> set[str]:
    """Return the references that the account of the entities `listed` needs, in addition to what rules read."""
    columns = {f"source.{entity.name}" for entity in EVERY_ENTITY}
    columns |= {f"target.id_mappings.{name}" for name in ID_MAPPINGS}
    for entity in EVERY_ENTITY:
        if entity.name in listed:
            columns |= target_columns(entity)
    return columns | ({"target.tiers.id", "target.tiers.code"} if listed else set())


def foreseen_gaps(profile: Profile, absent: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of the account that a database without `absent` will lack: ledger table → reason."""
    found = {}
    tiers = next((absent[name] for name in LEVEL_COLUMNS if name in absent), None)
    if tiers:
        found["ledger.tiers"] = tiers
    settings = next((absent[name] for name in (SETTINGS, *sorted(settings_columns(profile))) if name in absent), None)
    if settings and settings_columns(profile):
        found["ledger.policy_settings"] = settings
    for entity in EVERY_ENTITY:
        for field in entity.fields:
            reason = absence(entity, field, absent)
            if reason and is_mapped(entity, field, profile):
                found.setdefault("ledger.differences", f"{entity.name}.{field.name} cannot be compared: {reason}")
    return found


def account_for(warehouse: Warehouse, settings: LedgerSettings, starting: StepListener = _unheard) -> Ledger:
    """Fill the warehouse's schema `ledger` and return the result.

    Every table is created: `ledger.members|events|registrations` (one row per record, with its row, and one row per row
    that no record claims), `differences`, `duplicate_keys`, `id_mappings`, `mapped`, `fields`, `tiers`, `tier_facts`,
    `policies`, `policy_problems`, `policy_settings` and `accounts`. A table that cannot be evaluated is empty and
    recorded with the reason in `warehouse.missing` or `warehouse.unreadable`.

    Args:
        warehouse: The warehouse, which holds both sides.
        settings: What else is needed.
        starting: Called before each step with what it does, its number from 1 on, and the number of steps.

    Raises:
        DatabaseError: The outcomes do not add up to what was loaded.
    """
    return LedgerBuilder(warehouse, settings, starting).build()


class PairedEntity(NamedTuple):
    """An entity whose records are paired with their rows, and what is needed to compare them."""

    mapping: FieldMapping
    pairing: RecordPairing
    outcomes: Outcomes


class LedgerBuilder:
    """Builds one ledger."""

    def __init__(self, warehouse: Warehouse, settings: LedgerSettings, starting: StepListener) -> None:
        self._warehouse, self._settings = warehouse, settings
        self._starting, self._steps, self._begun = starting, 0, 0
        self._personal = settings.profile.personal_columns
        self._key_types: dict[str, str] = {}
        self._run: dict[str, Any] = {}

    def build(self) -> Ledger:
        """Pair, compare, explain and count, entity by entity."""
        warehouse = self._warehouse
        warehouse.execute(SETUP.read_text(encoding="utf-8"))
        register_normalisers(warehouse.connection)
        self._make_absent()
        stored = stored_types(warehouse)
        tables = (f"{side}.{entity.name}" for entity in EVERY_ENTITY for side in ("source", "target"))
        warehouse.make_room(sum(warehouse.row_counts.get(name, 0) for name in tables))
        self._run = warehouse.rows(RUN)[0]
        self._key_types = {entity.name: stored[f"target.{entity.name}.id"] for entity in EVERY_ENTITY}
        for entity in EVERY_ENTITY:
            create(entity, self._key_types[entity.name], warehouse)
        listed = sum(f"source.{entity.name}" not in warehouse.missing for entity in EVERY_ENTITY)
        self._steps = 2 * listed + len(OTHER_STEPS)
        paired, not_evaluated = [], {}
        for entity in EVERY_ENTITY:
            reason = warehouse.missing.get(f"source.{entity.name}")
            if reason:
                not_evaluated[entity.name] = warehouse.missing[f"ledger.{entity.name}"] = reason
            else:
                self._start(f"pairing {entity.name}")
                paired.append(self._pair(map_fields(entity, warehouse, self._settings.profile, stored)))
        calibrations = calibrate([each.mapping.entity.name for each in paired], warehouse, self._run)
        for name, calibration in calibrations.items():
            self._warehouse.execute(CLOCK, [name, calibration.judged_by, calibration.older_than])
        found = [self._account(each, calibrations[each.mapping.entity.name]) for each in paired]
        self._start(OTHER_STEPS[0])
        judge_mappings(warehouse, self._run)
        self._start(OTHER_STEPS[1])
        self._levels()
        if self._settings.policies:
            judge_policies(self._settings.policies, self._settings.profile, warehouse, stored)
        self._register_tables()
        self._start(OTHER_STEPS[2])
        masked = self._settings.masked
        ledger = AccountReader(warehouse, self._personal if masked else None).summarise(found, not_evaluated)
        associations = AssociationReader(warehouse, stored, self._personal, masked=masked).read(ledger)
        hints = key_hints(ledger, [each.mapping for each in paired], self._settings.profile, warehouse)
        return replace(ledger, associations=associations, key_hints=hints)

    def _start(self, step: str) -> None:
        self._begun += 1
        self._starting(step, self._begun, self._steps)

    def _make_absent(self) -> None:
        """Create empty lookup tables where the profile does not even name them."""
        for name, columns in LOOKED_UP.items():
            if f"target.{name}" not in self._warehouse.row_counts:
                self._warehouse.create(f"target.{name}", [LoadColumn(column, "text") for column in columns])
                self._warehouse.missing.setdefault(f"target.{name}", f"the profile names no table for {name}")

    def _pair(self, mapping: FieldMapping) -> PairedEntity:
        pairing = RecordPairing(self._warehouse, mapping, self._settings.profile, self._run)
        return PairedEntity(mapping, pairing, pairing.pair())

    def _account(self, paired: PairedEntity, calibration: Calibration) -> EntityResult:
        mapping, pairing, outcomes = paired.mapping, paired.pairing, paired.outcomes
        entity, warehouse = mapping.entity, self._warehouse
        self._start(f"comparing {entity.name}")
        pairing.judge_rows(calibration)
        normalised, remarks = Counter(count_empties(mapping, warehouse)), [calibration.remark]
        if {"landed_altered", "skipped", "merged"} & outcomes.of_records:
            mapping = leave_out_unfilled(mapping, warehouse)
            edits = find_edits(entity.name, calibration, warehouse)
            remarks.append(edits.remark)
            altered = ValueComparison(warehouse, mapping, outcomes.rest, self._mapped(entity), self._personal)
            normalised.update(altered.compare(has_merged="merged" in outcomes.of_records))
            forget_edits(warehouse)
        name_losses(entity, outcomes, warehouse, self._key_types)
        warehouse.execute(fields_sql(mapping, warehouse.unreadable.values()))
        pairing.put_back()
        return EntityResult(
            entity.name,
            self._count(entity),
            warehouse.origins.get(f"source.{entity.name}", REPORT),
            pairing.natural_name,
            {name: why for name, why in mapping.not_compared.items() if name not in mapping.left_out},
            dict(normalised),
            "; ".join(filter(None, remarks)),
        )

    def _mapped(self, entity: Entity) -> dict[str, Mapped]:
        """Return the mappings that the bundle declares for fields of the entity."""
        found = {}
        for field in entity.fields:
            declared = (self._settings.config or {}).get(field.mapping)
            if field.mapping and isinstance(declared, dict):
                values = tuple(str(value) for value in declared.values())
                found[field.name] = Mapped(f"{CONFIG} ({field.mapping})", values, declared.get("_default"))
        if entity.name == "members" and self._declared().get(TIER_MAPPING):
            tiers = tuple(row["id"] for row in self._warehouse.rows(TIERS))
            found["tier_id"] = Mapped(TIER_MAPPING, tiers, None)
        return found

    def _declared(self) -> dict[str, Any]:
        """Return the policies about tiers that the bundle declares."""
        rows = self._warehouse.rows(DECLARED, {"mapping": TIER_MAPPING, "enabled": TIERS_ENABLED})
        return {row["key"]: json.loads(row["value"]) for row in rows}

    def _count(self, entity: Entity) -> OutcomeCounts:
        """Count the outcomes, of which each record and each row has exactly one, and fill `ledger.accounts`.

        Raises:
            DatabaseError: The counts do not add up to the rows loaded.
        """
        name = entity.name
        tally = OutcomeCounts(self._warehouse.rows(STATEMENTS["tally"].format(entity=name)))
        wanted = (self._warehouse.row_count(f"source.{name}"), self._warehouse.row_count(f"target.{name}"))
        counted = (tally.records - tally.not_listed, tally.rows)
        if counted != wanted:
            raise DatabaseError(
                f"The ledger of the {name} does not add up",
                expected=f"{wanted[0]} records and {wanted[1]} rows with one outcome each",
                found=f"{counted[0]} records and {counted[1]} rows",
                next_step="This is a bug in recon: report it, with a description of the bundle",
            )
        figures = tally.figures
        insert = ACCOUNT.format(names=", ".join(figures), values=", ".join(map(str, figures.values())))
        self._warehouse.execute(insert, {"entity": name})
        return tally

    def _levels(self) -> None:
        """Determine the expected tier of each member by its level, or record why that is not possible."""
        self._warehouse.execute(LEVELS["policies"])
        absent = {**self._warehouse.missing, **self._warehouse.unreadable}
        reason = next((absent[name] for name in ("source.members", *LEVEL_COLUMNS) if name in absent), None)
        if not reason:
            self._warehouse.execute(LEVELS["tiers"])
        self._warehouse.execute(LEVELS["facts"])
        declared = self._declared()
        if not declared.get(TIER_MAPPING):
            reason = reason or f"the bundle declares no {TIER_MAPPING}"
        elif declared.get(TIERS_ENABLED) is False:
            reason = reason or f"{TIERS_ENABLED} is false"
        if reason:
            is_refused = reason in self._warehouse.unreadable.values()
            noted = self._warehouse.unreadable if is_refused else self._warehouse.missing
            noted["ledger.tiers"] = reason

    def _register_tables(self) -> None:
        """Register the tables with the warehouse, so that they are read back, kept and named like others."""
        counts = " union all ".join(ROWS.format(table=name) for name in TABLES)
        for name, rows in self._warehouse.execute(counts).fetchall():
            self._warehouse.count_rows(f"ledger.{name}", rows, TABLES[name])
