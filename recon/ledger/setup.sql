-- The ledger's tables, empty; pairing.sql, differences and causes fill them.
create schema ledger;
create type record_outcome as enum ('landed', 'landed_altered', 'merged', 'skipped', 'rejected', 'missing_in_target');
create type row_outcome as enum ('claimed', 'preexisting', 'foreign_run', 'unexpected');
create type pairing as enum ('target id', 'id mapping', 'database''s id mapping', 'natural key');

-- A row a field of a landed record that differs from its row.
create table ledger.differences (
  entity varchar, record bigint, source_row bigint, wa_id varchar, target_id varchar, field varchar, type varchar,
  source varchar, target varchar, source_state varchar, target_state varchar,
  cause varchar, detail varchar, is_explained boolean, is_harmless boolean);

-- A row a key that pairs nothing because it does not tell records or rows apart.
create table ledger.duplicate_keys (
  entity varchar, key varchar, matched_by varchar, source_count bigint, target_count bigint);

-- A row a field: compared, or why not. Left out: the profile does not map it, or not every importer fills it and no
-- row has a value. Refused: the database has it and would not give it.
create table ledger.fields (entity varchar, field varchar, reason varchar, is_left_out boolean, is_refused boolean);

-- A row a member who landed, with the tier that the level leads to; empty where no mapping is declared.
create table ledger.tiers (
  source_row bigint, wa_id varchar, target_id varchar, level varchar, expected varchar, led_by varchar, actual varchar);

-- A row an entity that was evaluated: how many records and rows came to what.
create table ledger.accounts (
  entity varchar, records bigint, row_count bigint,
  landed bigint, landed_altered bigint, merged bigint, skipped bigint, skipped_without_row bigint, rejected bigint,
  missing_in_target bigint, claimed bigint, preexisting bigint, foreign_run bigint, unexpected bigint,
  not_listed bigint, other_id bigint, unexplained_records bigint, unexplained_rows bigint);
