"""Where the commands `recon`, `verify-migration` and `python -m recon` begin.

An interrupt while the command line is imported ends the process with one sentence. Its handler is set before anything
else is imported, because an import may swallow or wrap the exception that Ctrl-C raises by default.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
STDERR = 2
ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


def main() -> NoReturn:
    """Begin `recon`."""
    _begin("main")


def verify_migration() -> NoReturn:
    """Begin `verify-migration`: `recon verify` under the runbook's name."""
    _begin("verify_migration")


def _begin(name: str) -> NoReturn:
    try:
        _handle_interrupts()
        import recon.cli  # noqa: PLC0415 - after the handlers

        getattr(recon.cli, name)()
    except KeyboardInterrupt:
        _end()
    except BaseException as error:  # noqa: BLE001 - whatever keeps a program from a verdict ends it with 2
        _report(error)
    os._exit(EXIT_ERROR)


def _handle_interrupts() -> None:
    """End the process at an interrupt, until a command handles them; a signal that is ignored stays so (nohup)."""
    import signal  # noqa: PLC0415 - it is no light import, and the caller handles an interrupt of it

    for each in (getattr(signal, name, None) for name in ENDING):
        if each is not None and signal.getsignal(each) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(each, _end)


def _end(*_: object) -> NoReturn:
    try:
        _write(b"\nInterrupted: no verdict was reached.\n")
    finally:
        os._exit(EXIT_INTERRUPTED)


def _report(error: BaseException) -> None:
    """Say in one sentence why the command line cannot be loaded, or what it did not report itself."""
    shown = type(error).__name__
    try:
        from recon.database.secrets import without_secrets  # noqa: PLC0415 - it may be what cannot be loaded

        if os.environ.get("RECON_TRACEBACK"):
            import traceback  # noqa: PLC0415 - as above

            sys.stderr.write(without_secrets("".join(traceback.format_exception(error))))
        shown = without_secrets(" ".join(f"{shown}: {error}".split()))
    except BaseException:  # noqa: BLE001, S110 - its name has to do
        pass
    _write(f"Unexpected error: {shown}\n".encode(errors="backslashreplace"))


def _write(text: bytes) -> None:
    try:
        os.write(STDERR, text)
    except OSError:
        return


if __name__ == "__main__":
    main()
