-- The ledger's tables, empty; pairing, value comparison, losses and levels fill them.
create schema ledger;
create type record_outcome as enum ('landed', 'landed_altered', 'merged', 'skipped', 'rejected', 'missing_in_target');
create type row_outcome as enum ('claimed', 'preexisting', 'foreign_run', 'unexpected');
create type pairing as enum ('target id', 'id mapping', 'database''s id mapping', 'natural key');

-- One row per field of a landed record that differs from its row; ids of tiers are written as their codes.
create table ledger.differences (
  entity varchar, record bigint, source_row bigint, wa_id varchar, target_id varchar, field varchar, type varchar,
  source varchar, target varchar, source_state varchar, target_state varchar,
  cause varchar, detail varchar, is_explained boolean, is_harmless boolean);

-- One row per duplicate key: it pairs nothing, because it does not identify a record or a row.
create table ledger.duplicate_keys (
  entity varchar, key varchar, matched_by varchar, source_count bigint, target_count bigint);

-- One row per mapping of Wild Apricot ids that is wrong, incomplete, lacking, or another run's: the row that it names, and
-- the row that the record has. A fault: the next sync would go wrong.
create table ledger.id_mappings (
  entity varchar, problem varchar, wa_id varchar, source_row bigint, mapped_to varchar, expected varchar,
  run_id varchar, is_fault boolean);

-- One row per entity: whether the database records mappings of it, its rows, the Wild Apricot ids that need one, and what
-- the next sync would do with these: update their rows, create them again, write them over another's row.
create table ledger.mapped (
  entity varchar, is_recorded boolean, row_count bigint, needed bigint, updated bigint, created_again bigint,
  written_over bigint);

-- One row per field; the reason says why it is not compared, null: it is compared. Left out: the profile does not map
-- it, or not every importer fills it and no row has a value. Refused: it exists, but the database refused to read it.
create table ledger.fields (entity varchar, field varchar, reason varchar, is_left_out boolean, is_refused boolean);

-- One row per landed member, with the tier expected by its level; empty where no mapping is declared.
create table ledger.tiers (
  source_row bigint, wa_id varchar, target_id varchar, level varchar, expected varchar, led_by varchar, actual varchar);

-- One row per evaluated entity: the number of records and rows by outcome.
create table ledger.accounts (
  entity varchar, records bigint, row_count bigint,
  landed bigint, landed_altered bigint, merged bigint, skipped bigint, skipped_without_row bigint, rejected bigint,
  missing_in_target bigint, claimed bigint, preexisting bigint, foreign_run bigint, unexpected bigint,
  not_listed bigint, other_id bigint, unexplained_records bigint, unexplained_rows bigint);

-- One row per declared policy, in the bundle's order. Its values are JSON texts, those of secrets hidden; actual and
-- is_match are null where it is not compared, actual also where the settings lack it; compared_with says what proves it.
create table ledger.policies (
  place bigint, key varchar, expected varchar, source varchar, required boolean, actual varchar, compared boolean,
  is_match boolean, compared_with varchar, problem varchar);

-- One row per problem of a policy: by itself, or with what the application or its data have. Placeholders that nobody
-- needs are none. A difference: the application's settings hold another value.
create table ledger.policy_problems (
  place bigint, policy varchar, problem varchar, expected varchar, actual varchar, compared_with varchar,
  is_difference boolean);

-- One row: where the application's settings are, or why no policy is compared with them.
create table ledger.policy_settings (name varchar, reason varchar, is_absent boolean, is_refused boolean);

-- One row per entity: the column that shows whether a row is older than the run, and the instant; empty, null: none does.
create table ledger.clocks (entity varchar, judged_by varchar, older_than timestamp);

-- One row per baseline and entity: the rows that it had, and how many of them are gone; or why that is not known.
create table ledger.baselines (
  baseline varchar, taken_at timestamp, entity varchar, row_count bigint, lost bigint, reason varchar);

-- One row per row that a baseline had and that is gone; or, without an id, one for all of which only the number is known.
create table ledger.lost_rows (
  baseline varchar, taken_at timestamp, entity varchar, target_id varchar, row_count bigint);
