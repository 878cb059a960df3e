"""Writes actual output into migrate.md, between its markers, from a small club and the example importer."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

from recon.demo import generate, write_bundle, write_exports

GUIDE = Path(__file__).with_name("migrate.md")
IMPORTER = Path(__file__).parent / "examples" / "importer"
BUNDLE = "migration-bundle-2024-01-15"
SIZE = {"members": 60, "events": 12, "registrations": 150}
COMMON = ("--database", "club.db", "--exports", BUNDLE, "--by")
QUICKLY = tuple(word for part in ("notebook", "html", "charts", "data_docs") for word in ("--skip", part))
COMMAND = (
    *("--", sys.executable, "importer", "--exports", "{exports}", "--database", "{database}", "--bundle", "{bundle}"),
    *("{mode}", "--policies", f"{BUNDLE}/policy-bundle.json"),
)
# What changes from run to run.
FIXED = (
    (r"\d{8}T\d{6}Z", "20240115T143000Z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2024-01-15 14:30:00 UTC"),
    (r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", "run-20240115-143000"),
    (r"  (\d+\.\d s|\d+ seconds?) *", "  … s  "),
)


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the output of the current version."""
    printed = ended()
    timeline = re.split(r"^=+\n", printed, flags=re.MULTILINE)[-2]
    answers = re.findall(r"^  .+\(4\.1\): .+\n", printed, flags=re.MULTILINE)
    return with_blocks(text, {"timeline": ("", timeline), "answers": ("", "".join(answers))})


def ended() -> str:
    """What a migration whose importer loses rows prints from its review to its end."""
    with TemporaryDirectory() as folder:
        club = generate(7, **SIZE)
        write_exports(club, write_bundle(club, Path(folder) / BUNDLE))
        (Path(folder) / "importer").symlink_to(IMPORTER)
        create = [sys.executable, str(IMPORTER), "--create-tables", "--database", "club.db"]
        subprocess.run(create, cwd=folder, check=True)  # noqa: S603 - our own importer
        recon(folder, "signoff", "--notified", "Board, webmaster", "--no-window", "--by", "Ann")
        recon(folder, "migrate", *COMMON, "Ann", *QUICKLY, *COMMAND, "--fault", "lose-batch")
        (bundle,) = Path(folder).glob("outputs/*/steps/*/bundles/migration-bundle")
        recon(folder, "review", str(bundle.relative_to(folder)), *COMMON, "Bob", "--yes")
        printed = recon(folder, "migrate", "--resume", "--execute", "club", "--by", "Ann")
        # Whoever begins another in this folder's place finds none that is open.
        shutil.rmtree(Path(folder) / "outputs")
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())


if __name__ == "__main__":
    main()
