"""Verification from Python: of a bundle and a database for questions, or of options for the judgement alone."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from recon.errors import UsageError, suggest
from recon.verification.options import VerifyOptions, require_options
from recon.verification.progress import Listener
from recon.verification.verify import verify as verify_options

if TYPE_CHECKING:
    from pathlib import Path

    from recon.answers.answers import Answers
    from recon.model import Verification


@overload
def verify(
    bundle: VerifyOptions, database: Listener | None = None, *, listener: Listener | None = None
) -> Verification: ...


@overload
def verify(
    bundle: Path | str, database: str | None = None, *, listener: Listener | None = None, **options: Any
) -> Answers: ...


def verify(
    bundle: VerifyOptions | Path | str,
    database: str | Listener | None = None,
    *,
    listener: Listener | None = None,
    **options: Any,
) -> Verification | Answers:
    """Verify a migration: compare what the bundle reports with what the database holds at one instant.

    Args:
        bundle: The bundle's folder or archive; or `VerifyOptions`, which name the database, too.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL. With
            `VerifyOptions`: the listener.
        listener: Is notified of the progress; None: nobody.
        options: Further options by their names in `VerifyOptions`.

    Returns:
        Of a bundle: an object to ask questions of; `close` it, or use it in a `with` statement. Of `VerifyOptions`: the
        judgement alone.

    Raises:
        ReconError: The bundle, the database or a suite cannot be used; no verdict was reached.
    """
    if isinstance(bundle, VerifyOptions):
        if isinstance(database, str) or options:
            raise _named_twice(options)
        return verify_options(bundle, listener or database)
    if isinstance(database, Listener):
        listener, database = database, None
    opening = import_module("recon.answers.opening")
    answers: Answers = opening.judge_and_open(_options(bundle, database, options), listener)
    return answers


def _named_twice(options: dict[str, Any]) -> UsageError:
    return UsageError(
        "The options name what is verified already",
        expected="recon.verify(options) or recon.verify(bundle, database)",
        found=", ".join(options) or "a database beside them",
    )


def _options(bundle: Path | str, database: str | None, options: dict[str, Any]) -> VerifyOptions:
    """Return the options of a verification that a person asks for by hand.

    Raises:
        UsageError: There is no such option, or `bundle` is neither a path nor `VerifyOptions`.
    """
    if not isinstance(bundle, str) and not hasattr(bundle, "__fspath__"):
        require_options(bundle)
    known = [each.name for each in fields(VerifyOptions) if each.name != "bundle"]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise UsageError(
            f"A verification has no option {unknown!r}", expected=", ".join(known), next_step=suggest(unknown, known)
        )
    return VerifyOptions(bundle, database, **options)
