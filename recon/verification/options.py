"""What to verify and how: each option is declared once, for Python, the command line and the notebook."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from recon.errors import UsageError
from recon.rules import layers_of
from recon.verification import parameters
from recon.verification.parameters import bundle_path
from recon.verification.swapped import require_in_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")
READERS: Mapping[type, Callable[[str, object], object]] = {
    str: parameters.optional_text,
    int: parameters.whole,
    float: parameters.number,
    bool: parameters.truth,
}


class Option(Struct, frozen=True):
    """Metadata of a field of VerifyOptions that is also an option of `recon verify` and `recon run`.

    Attributes:
        kind: The type of one value: str, int, float or bool (a flag).
        help: Its help text on the command line.
        flag: Its name on the command line.
        metavar: The placeholder for its value in the help.
        least, most: Inclusive bounds of an integer; None: no bound.
        above: Exclusive lower bound of a float; None: no bound.
        is_many: Whether it may be given several times.
        is_path: Whether its value is the path of a file or folder.
        shows_default: Whether the help shows the default.
        in_notebook: Whether the notebook has a parameter of that name.
        decides: Whether its value by itself changes the judgement on a snapshot, so that it is part of the judgement's
            key. Other options are either in the key by content (the profile's tables, the rules), or affect only the
            duration.
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

    def read(self, name: str, value: Any) -> Any:
        """Return the value of the option `name` as its kind, from the types that papermill makes of a text.

        Raises:
            UsageError: It is of another type.
        """
        if self.is_many:
            return parameters.texts(name, value)
        return READERS[self.kind](name, value)

    def parameter(self, value: Any, folder: Path) -> Any:
        """Return the value as a parameter of a notebook that runs in `folder`: "" for None, paths relative to it."""
        if self.is_many:
            return [_from(folder, one) if self.is_path else one for one in value]
        if value is None:
            return ""
        return _from(folder, value) if self.is_path else value


def option(default: T, *, shows: bool = True, **declared: Any) -> T:
    """Declare a field of VerifyOptions that is also a command-line option; `shows`: whether the repr includes it."""
    return field(default=default, repr=shows, metadata={"option": Option(**declared)})


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify and how.

    Attributes:
        bundle: The bundle's folder; reports show it as written here.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        expectations: Folders of custom suites, layered over the shipped ones; a later folder overrides an earlier one.
        exports: The folder of Wild Apricot exports (CSV) that replace the bundle's records; None: the exports in the
            bundle, if its report does not list the records.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        policies: The file of policies that the application exports; None: the settings that the profile names.
        accept: The file of accepted differences; None: none, whatever is in the working folder, where only the command
            line looks for one.
        advice: The table of advice (TOML): contacts, limits, actions; None: the runbook's, whatever is in the working
            folder, where only the command line looks for one.
        baseline: Folders of backups or of earlier runs on this database: rows that they had must still be there.
        allow_dry_run: Verify the bundle of a dry run anyway.
        timeout_s: Seconds to wait for the database to open, then for its next rows, and for each check; None: 5 for
            its answer, 30 for it to be open, no limit for rows, and 600 for each check.
        evidence_rows: Maximum number of violations kept per check; their count is exact in any case.
        show_pii: Keep names, e-mail addresses and phone numbers readable.
        shipped_suites: Whether the shipped suites are included below `expectations`; otherwise only those are used.
        distributions: Also count what charts show, which reads a few additional columns.
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
    policies: Path | str | None = option(
        None,
        kind=str,
        flag="--policies",
        metavar="FILE",
        is_path=True,
        help="Policies that the application exports (JSON or TOML), to compare with those of the bundle.  [default: "
        "the settings that the profile names]",
        in_notebook=True,
        decides=False,
    )
    accept: Path | str | None = option(
        None,
        kind=str,
        flag="--accept",
        metavar="FILE",
        is_path=True,
        help="File of accepted differences, outside the bundle.  [default: ./recon-accept.toml, if there is one]",
        in_notebook=True,
        decides=False,
    )
    advice: Path | str | None = option(
        None,
        kind=str,
        flag="--advice",
        metavar="FILE",
        is_path=True,
        help="Table of contacts, limits and actions of your own.  [default: ./recon-advice.toml, if there is one]",
        in_notebook=True,
        decides=False,
    )
    baseline: Sequence[Path | str] = option(
        (),
        kind=str,
        flag="--baseline",
        metavar="FOLDER",
        is_many=True,
        is_path=True,
        help="A backup, or an earlier run, whose rows must still be there; may be given several times.",
        in_notebook=True,
        decides=False,
    )
    allow_dry_run: bool = option(
        default=False,
        kind=bool,
        flag="--allow-dry-run",
        help="Verify the bundle of a dry run anyway.",
        decides=False,
    )
    timeout_s: float | None = option(
        None,
        kind=float,
        flag="--timeout",
        above=0,
        metavar="SECONDS",
        help="Longest wait for the database to open, for its next rows, and for each check.  [default: 5 to connect, "
        "none for rows, 600 for a check]",
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

    def __post_init__(self) -> None:
        """Accept what a notebook's parameters arrive as: other types, and an empty text for None.

        Raises:
            UsageError: A value is of a type that is not known to mean something, or bundle and database are swapped.
        """
        values: dict[str, Any] = {name: declared.read(name, getattr(self, name)) for name, declared in OPTIONS.items()}
        values["bundle"] = bundle_path(self.bundle, self.environment)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        require_in_place(values["bundle"], values["database"], self.environment)

    @property
    def bundle_text(self) -> str:
        """The bundle's path as the user wrote it ("./x" keeps its "./")."""
        return str(self.bundle)

    def words(self, names: Iterable[str] | None = None) -> list[str]:
        """The options that differ from their defaults, as words of a command line; `names`: only those."""
        found: list[str] = []
        for name, declared in OPTIONS.items():
            value = getattr(self, name)
            if value is None or value == VerifyOptions.__dataclass_fields__[name].default:
                continue
            if names is None or name in names:
                given = value if declared.is_many else (value,)
                found += [declared.flag] if declared.kind is bool else _flagged(declared.flag, given)
        return found

    @property
    def exports_folder(self) -> Path | None:
        """The folder of exports; None where none is given."""
        return None if self.exports is None else Path(self.exports)

    @property
    def layers(self) -> list[Path]:
        """The folders of suites, the lowest first."""
        return layers_of(self.expectations, shipped_suites=self.shipped_suites, with_baseline=bool(self.baseline))

    @property
    def declared(self) -> Mapping[str, Option]:
        """The declared options by field name, in the order of the help."""
        return OPTIONS

    @property
    def deciding(self) -> dict[str, object]:
        """The options whose values by themselves change a judgement, by name."""
        named = {name: getattr(self, name) for name, declared in OPTIONS.items() if declared.decides}
        return {**named, "distributions": self.distributions}

    def notebook_parameters(self, folder: Path) -> dict[str, Any]:
        """Return the parameters, by name and without the database, of an equivalent notebook that runs in `folder`."""
        shared = {name: declared for name, declared in OPTIONS.items() if declared.in_notebook}
        named = {name: declared.parameter(getattr(self, name), folder) for name, declared in shared.items()}
        return {"bundle": _from(folder, self.bundle), **named}


def _flagged(flag: str, values: Iterable[object]) -> list[str]:
    return [word for value in values for word in (flag, str(value))]


def _from(folder: Path, path: Path | str) -> str:
    """Return the path relative to a run's folder; it stays valid if the folder is renamed within its parent."""
    return os.path.relpath(path, folder)


OPTIONS: Mapping[str, Option] = {
    each.name: each.metadata["option"] for each in fields(VerifyOptions) if "option" in each.metadata
}
"""The declared options by field name, in the order of the help."""


def require_options(options: object) -> None:
    """Require what a verification takes, of a person who calls it by hand.

    Raises:
        UsageError: It is something else, e.g. the bundle's path.
    """
    if not isinstance(options, VerifyOptions):
        raise UsageError(
            "A verification takes its options",
            expected="recon.verify(bundle, database) or recon.verify(recon.VerifyOptions(bundle, database))",
            found=f"recon.verify({type(options).__name__})",
            next_step="To ask questions: recon.open_run(folder)",
        )
