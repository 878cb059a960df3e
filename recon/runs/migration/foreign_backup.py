"""Whether a backup that recon did not make is one of the target: what it holds is compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.contents import DatabaseContents
from recon.backup.kinds import contents_of, kind_of_database
from recon.model import Fact, Probe
from recon.preflight.backup_checks import Subject, find_subject
from recon.runs.migration.digests import change_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl
    from recon.model import Check
    from recon.preflight.backups import BackupOptions

SAME = Probe(
    "backup_of_target",
    "Backup of the Target",
    "backup",
    "A backup that does not say of which database it is holds what the target holds.",
    "It is of another database, or of another time: a restore would bring back something else",
    "Let a backup be made: --backup ''; or name one of this database",
)


def ask_foreign(options: BackupOptions, url: DatabaseUrl) -> Iterator[Fact | Check]:
    """Compare a backup without manifest with the target, table by table; one with a manifest is known by that."""
    subject = Subject(Path(options.path or ""))
    list(find_subject(subject))
    kind = kind_of_database(subject.kind)
    if subject.manifest is not None or subject.data is None or kind is None:
        yield Fact("Backup of the target", "said by the backup itself")
        return
    if subject.kind != url.kind:
        yield SAME.failed(f"It is a backup of {subject.kind}, and {url.label} is not")
        return
    reading = kind.read(subject.data, subject.form, options.tools, None)
    now = contents_of(url).tables
    # What cannot be counted in it is known to be there.
    held = {name: now[name] for name in reading.not_counted if name in now} | reading.tables
    left_out = {name for name in now if name in reading.left_out}
    words = change_words(
        DatabaseContents(held), DatabaseContents({name: now[name] for name in now if name not in left_out})
    )
    if words:
        yield SAME.failed(f"It does not hold what {url.label} holds; there, against the backup: {words}")
    else:
        yield SAME.passed(f"{len(held)} tables, each as in {url.label}")
