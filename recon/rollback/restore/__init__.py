"""Level 2: a backup in the place of all that a database holds, from a plan that a person reads; and its rehearsal."""
