"""What is asked about a backup."""

from __future__ import annotations

from recon.model import Probe

PART = "backup"
AGAIN = "Make another backup: recon backup create"
CLOCK_TOLERANCE_S = 300.0
FOUND = Probe(
    "backup_found",
    "Backup",
    PART,
    "There is a backup that recon can read to its end.",
    "If the import goes wrong, there is nothing to go back to",
    f"{AGAIN}, or name one of PostgreSQL's custom format",
)
MANIFEST = Probe(
    "backup_manifest",
    "Manifest",
    PART,
    "The backup has a manifest of the same instant, and nobody edited it.",
    "It cannot be said what the backup should contain",
    AGAIN,
)
FILES = Probe(
    "backup_files",
    "Files",
    PART,
    "Every file has the length and the SHA-256 digest that the manifest names.",
    "The backup was damaged or changed after it was made; a restore may go through and still bring back other rows",
    f"Take another copy of it, or make another: {AGAIN.partition(': ')[2]}",
)
READ = Probe(
    "backup_read",
    "Read to the End",
    PART,
    "The backup can be read to its end, and says there that it is complete.",
    "It is cut or damaged: a restore would stop, or silently bring back less",
    AGAIN,
)
CONTENTS = Probe(
    "backup_contents",
    "Rows in the Backup",
    PART,
    "Every table has the rows, and their digest, that the database held at the instant of the backup.",
    "A restore would bring back fewer rows, or other values, than there were",
    AGAIN,
)
PLAUSIBLE = Probe(
    "backup_plausible",
    "Rows Against the Last Backup",
    PART,
    "No table is missing, empty, or down to less than half of its rows in the backup before it.",
    "Something was deleted between the two, or the backup is not whole",
    "Compare with the database what the tables that are named should hold",
)
AGE = Probe(
    "backup_age",
    "How Old It Is",
    PART,
    "The backup is not older than --max-age, and not from the future.",
    "What was entered since then would be lost with a restore",
    f"{AGAIN}, right before the import",
)
SAME_DATABASE = Probe(
    "backup_database",
    "Database of the Backup",
    PART,
    "It is a backup of the database that the import is to write to.",
    "It could not be used to take the import back",
    "Name the database that is meant with --database, or back it up: recon backup create",
)
PRIVATE = Probe(
    "backup_private",
    "Who Can Read It",
    PART,
    "Nobody but its owner can read the backup on this machine.",
    "Everybody on this machine can read the personal data of all members",
    "chmod -R go-rwx on the folder that is named",
)
RECORDED = Probe(
    "backup_recorded",
    "Recorded Snapshot",
    PART,
    "The backup is one that recon has read, not one that a person recorded.",
    "Nobody has shown that the provider's snapshot is there and can be restored",
    "Make a backup of recon's own as well: recon backup create; or have the provider restore it to another name",
)
RESTORED = Probe(
    "backup_restored",
    "Restore",
    "restore",
    "The backup can be restored into an empty database without an error.",
    "After a failed import, the restore would fail in the same way",
    "Correct what the messages name, make another backup, and test that",
)
ARRIVED = Probe(
    "restored_rows",
    "Restored Rows",
    "restore",
    "Every table has after the restore the rows and the digest that the manifest names.",
    "A restore brings back fewer rows, or other values, than there were",
    "Make another backup and test that; do not import before one passes",
)
SCHEMA = Probe(
    "restored_schema",
    "Restored Schema",
    "restore",
    "Indexes, constraints, views, functions, triggers, sequences and large objects are there after the restore.",
    "The application would run on a database without them: duplicates, or ids that are given twice",
    "Make another backup and test that; do not import before one passes",
)
