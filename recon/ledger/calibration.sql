-- The time stamps of rows, for comparison with the times of the run.

-- name: spans
select [x for x in [min(created_at), max(created_at)] if x is not null] as created,
       [x for x in [min(updated_at), max(updated_at)] if x is not null] as updated
from target.{entity}

-- name: sample
-- Every $step-th record will do, since stamps that are not the run's are so in most rows.
select t.created_at, t.updated_at, coalesce(l.action, 'create') = 'create' as is_created
from ledger.{entity} l join target.{entity} t on t.id = l.target_id
where l.outcome in ('landed', 'landed_altered') and coalesce(l.action, 'create') in ('create', 'update')
  and l.record % $step = 0
