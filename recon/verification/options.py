"""What to verify and how: each judging option is declared once, for Python, the command line and the notebook."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from recon.rules import layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")


class Option(Struct, frozen=True):
    """A field of VerifyOptions that is an option of `recon verify` and `recon run`, too.

    Attributes:
        kind: The type of one value: str, int, float or bool (a flag).
        help: What the command line says of it.
        flag: Its name there.
        metavar: What stands for its value there.
        least, most: Bounds of a whole number, included; None: there is none.
        above: A bound of any other number, which is not included.
        is_many: May be given several times.
        is_path: Names a file or folder.
        shows_default: The default is part of its help.
        in_notebook: The notebook has a parameter of that name.
        decides: Changes the judgement on a snapshot by itself, so that it is part of the key of its question. What it
            does not is in the key by its content (the profile's tables, the rules), or changes how long it takes only.
    """

    kind: type
    help: str
    flag: str
    metavar: str | None = None
    least: int | None = None
    most: int | None = None
    above: float | None = None
    is_many: bool = False
    is_path: bool = False
    shows_default: bool = False
    in_notebook: bool = False
    decides: bool = True

    def parameter(self, value: Any, folder: Path) -> Any:
        """The value as a parameter of a notebook that works in `folder`: "" for none, paths as they are from there."""
        if self.is_many:
            return [_from(folder, one) if self.is_path else one for one in value]
        if value is None:
            return ""
        return _from(folder, value) if self.is_path else value


def option(default: T, *, shows: bool = True, **declared: Any) -> T:
    """A field of VerifyOptions that is an option, too; `shows`: whether its value stands in the repr."""
    return field(default=default, repr=shows, metadata={"option": Option(**declared)})


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify and how.

    Attributes:
        bundle: The bundle's folder; reports name it as it is written here.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        expectations: Folders of suites of one's own, over the shipped ones; the later overrides the earlier.
        exports: The folder of Wild Apricot exports (CSV) that stand for the bundle's records; None: those that lie in
            the bundle, where its report does not list the records.
        profile: The TOML file that says which tables and columns hold what; None: the built-in one.
        allow_dry_run: Verify a bundle of a dry run all the same.
        timeout_s: Seconds to wait for the database to open, and then for its next rows; None: 5 for its answer, 30 for
            it to be open, and as long as it takes for rows.
        evidence_rows: At most so many violating rows are kept for a check; their number is exact all the same.
        show_pii: Keep names, e-mail addresses and phone numbers readable.
        shipped_suites: Whether the shipped suites lie below them; without them only `expectations` judge.
        distributions: Also count what charts show, which reads a few columns more.
        environment: Environment variables by name.
    """

    bundle: Path | str
    database: str | None = option(
        None,
        shows=False,
        kind=str,
        flag="--database",
        metavar="NAME",
        help="Environment variable that holds the URL, a file, or a URL without password.  [default: DATABASE_URL]",
        decides=False,
    )
    _: KW_ONLY
    expectations: Sequence[Path | str] = option(
        (),
        kind=str,
        flag="--expectations",
        metavar="FOLDER",
        is_many=True,
        is_path=True,
        help="Suites of your own over the shipped ones; may be given several times.",
        in_notebook=True,
        decides=False,
    )
    exports: Path | str | None = option(
        None,
        kind=str,
        flag="--exports",
        metavar="FOLDER",
        is_path=True,
        help="Wild Apricot exports (CSV) in the place of the bundle's records.  [default: those in the bundle, where "
        "its report lists none]",
        in_notebook=True,
        decides=False,
    )
    profile: Path | str | None = option(
        None,
        kind=str,
        flag="--profile",
        metavar="FILE",
        is_path=True,
        help="Profile of another application.  [default: the built-in one]",
        in_notebook=True,
        decides=False,
    )
    allow_dry_run: bool = option(
        default=False,
        kind=bool,
        flag="--allow-dry-run",
        help="Verify the bundle of a dry run all the same.",
        decides=False,
    )
    timeout_s: float | None = option(
        None,
        kind=float,
        flag="--timeout",
        above=0,
        metavar="SECONDS",
        help="Longest wait for the database to open and for its next rows.  [default: 5 to connect, none for rows]",
        decides=False,
    )
    evidence_rows: int = option(
        1000,
        kind=int,
        flag="--evidence-rows",
        least=1,
        most=1_000_000,
        metavar="N",
        shows_default=True,
        help="Violating rows kept for each check.",
        in_notebook=True,
    )
    show_pii: bool = option(
        default=False,
        kind=bool,
        flag="--show-pii",
        help="Do not mask names, e-mail addresses and phone numbers.",
        in_notebook=True,
    )
    shipped_suites: bool = True
    distributions: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def bundle_text(self) -> str:
        """The bundle's path as it was written ("./x" keeps its "./")."""
        return str(self.bundle)

    @property
    def exports_folder(self) -> Path | None:
        """The folder of exports, if one is named."""
        return None if self.exports is None else Path(self.exports)

    @property
    def layers(self) -> list[Path]:
        """The folders of suites, the lowest first."""
        return layers_of(self.expectations, shipped_suites=self.shipped_suites)

    @property
    def deciding(self) -> dict[str, object]:
        """The values that change a judgement by themselves, by name."""
        named = {name: getattr(self, name) for name, declared in OPTIONS.items() if declared.decides}
        return {**named, "distributions": self.distributions}

    def notebook_parameters(self, folder: Path) -> dict[str, Any]:
        """The parameters of a notebook that asks the same and works in `folder`, by name; not the database."""
        shared = {name: declared for name, declared in OPTIONS.items() if declared.in_notebook}
        named = {name: declared.parameter(getattr(self, name), folder) for name, declared in shared.items()}
        return {"bundle": _from(folder, self.bundle), **named}


def _from(folder: Path, path: Path | str) -> str:
    """The way from a run's folder; its sibling of another name has the same."""
    return os.path.relpath(path, folder)


OPTIONS: Mapping[str, Option] = {
    each.name: each.metadata["option"] for each in fields(VerifyOptions) if "option" in each.metadata
}
"""The declared options by the name of their field, in the order of help."""
