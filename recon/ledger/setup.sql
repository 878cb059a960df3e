-- The ledger's tables, empty; pairing, value comparison, losses and levels fill them.
create schema ledger;
create type record_outcome as enum ('landed', 'landed_altered', 'merged', 'skipped', 'rejected', 'missing_in_target');
create type row_outcome as enum ('claimed', 'preexisting', 'foreign_run', 'unexpected');
create type pairing as enum ('target id', 'id mapping', 'database''s id mapping', 'natural key');

-- One row per field of a landed record that differs from its row.
create table ledger.differences (
  entity varchar, record bigint, source_row bigint, wa_id varchar, target_id varchar, field varchar, type varchar,
  source varchar, target varchar, source_state varchar, target_state varchar,
  cause varchar, detail varchar, is_explained boolean, is_harmless boolean);

-- One row per duplicate key: it pairs nothing, because it does not identify a record or a row.
create table ledger.duplicate_keys (
  entity varchar, key varchar, matched_by varchar, source_count bigint, target_count bigint);

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
