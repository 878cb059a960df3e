"""JupyterLab in a process of its own, on this machine's loopback address, with nothing of the user's configuration."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from recon.database.child_environment import PYTHON, child_environment
from recon.errors import StepError, UsageError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDED = ("jupyterlab", "anywidget")
EXTRA = "pip install 'recon[lab]'"
LOOPBACK = "127.0.0.1"
START_LIMIT_S, END_LIMIT_S, PAUSE_S = 120.0, 10.0, 0.05
ERROR_BYTES = 4000
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
}
PAGE = {"disabledExtensions": {"@jupyterlab/extensionmanager-extension": True}}
# What JupyterLab and its kernels keep is kept in a folder that ends with them; no startup script of the user's runs.
PRIVATE = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
    "TMPDIR",
)
# What the notebook needs is loaded while it is being opened.
AHEAD = "import recon.charts.linked, recon.notebook; recon.charts.linked.prepare()"
# It ends with recon, however that ends; the kernels look after it in the same way.
LAUNCHER = """
import ctypes, os, runpy, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if str(os.getppid()) != sys.argv.pop(1):
    sys.exit(1)
runpy.run_module("jupyterlab", run_name="__main__", alter_sys=True)
"""


class Lab:
    """A JupyterLab that answers.

    Attributes:
        url: Where a browser opens the notebook, with the token.
        page: A file for its owner only that leads a browser there, so that the token is in no list of processes.
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str, page: Path) -> None:
        self._process, self.url, self.page = process, url, page

    def wait(self) -> None:
        """Return when it has ended."""
        self._process.wait()


def require_lab() -> None:
    """Require the extra `lab`.

    Raises:
        UsageError: It is not installed.
    """
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        raise UsageError(
            "The explorer needs the extra lab",
            expected=" and ".join(NEEDED),
            found=f"no {' and no '.join(lacking)}",
            next_step=f"Install it: {EXTRA}",
        )


@contextmanager
def running_lab(notebook: Path, port: int = 0) -> Iterator[Lab]:
    """Start JupyterLab on a notebook's folder, opened on the notebook; whatever happens, it is ended on exit.

    It and its kernels get no variable by which a server is reached.

    Args:
        notebook: The notebook.
        port: Where to listen; 0: where there is room.

    Raises:
        StepError: It does not start.
    """
    with ScratchFolder("recon-lab-") as home, TemporaryFile() as errors:
        token = secrets.token_hex(24)
        _configure(home.path, notebook, port, token)
        # It does not see Ctrl-C, at which it would ask whether it is meant.
        process = subprocess.Popen(  # noqa: S603 - the program is this one
            [sys.executable, "-P", "-c", LAUNCHER, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd=notebook.parent,
            env=child_environment(PYTHON, **{name: str(home.path / name.lower()) for name in PRIVATE}),
            start_new_session=True,
        )
        try:
            server = _started(process, home.path / "jupyter_runtime_dir", errors)
            place = f"http://{LOOPBACK}:{server['port']}/lab/tree/{quote(notebook.name)}?token={token}"
            yield Lab(process, place, home.path / "jupyter_runtime_dir" / f"jpserver-{process.pid}-open.html")
        finally:
            _end(process)


def _configure(home: Path, notebook: Path, port: int, token: str) -> None:
    """Write all that JupyterLab is started with; the token is in a file, where no list of processes shows it."""
    for name in PRIVATE:
        (home / name.lower()).mkdir()
    settings = home / "settings"
    settings.mkdir()
    config = {
        "ServerApp": {
            "ip": LOOPBACK,
            "port": port,
            "port_retries": 0 if port else 50,
            "root_dir": str(notebook.parent),
            "default_url": f"/lab/tree/{quote(notebook.name)}",
            "open_browser": False,
            "allow_root": True,
            "terminals_enabled": False,
            "jpserver_extensions": {"jupyter_lsp": False, "jupyter_server_terminals": False},
        },
        "IdentityProvider": {"token": token},
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
            "app_settings_dir": str(settings),
        },
        "FileCheckpoints": {"checkpoint_dir": str(home / "checkpoints")},
        "KernelSpecManager": {"allowed_kernelspecs": ["python3"]},
    }
    profile = home / "ipythondir" / "profile_default"
    profile.mkdir()
    written: dict[Path, Any] = {
        profile / "ipython_kernel_config.json": {"InteractiveShellApp": {"exec_lines": [AHEAD]}},
        settings / "overrides.json": SETTINGS,
        settings / "page_config.json": PAGE,
        home / "jupyter_config_dir" / "jupyter_server_config.json": config,
        home / "jupyter_config_dir" / "jupyter_lab_config.json": config,
    }
    for path, content in written.items():
        path.write_text(json.dumps(content), encoding="utf-8")


def _started(process: subprocess.Popen[bytes], runtime: Path, errors: IO[bytes]) -> dict[str, Any]:
    """Wait until it listens, and return what it says of itself."""
    about, page = runtime / f"jpserver-{process.pid}.json", runtime / f"jpserver-{process.pid}-open.html"
    deadline = monotonic() + START_LIMIT_S
    while process.poll() is None and monotonic() < deadline:
        try:
            server: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
            if page.stat().st_size:
                return server
        except (OSError, ValueError):
            pass
        sleep(PAUSE_S)
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - ERROR_BYTES))
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    code = process.poll()
    ended = f"it ended with exit code {code}" if code is not None else f"nothing within {START_LIMIT_S:.0f} s"
    raise StepError(
        "JupyterLab does not start",
        expected="a server that listens on this machine",
        found=f"{ended}: {lines[-1][:300] if lines else 'it said nothing'}",
        next_step="With --port, name another port or none; `python -m jupyterlab` says more",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with its kernels."""
    process.terminate()
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
