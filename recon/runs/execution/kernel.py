"""The kernel that notebooks run on: always this environment's Python, whatever kernels the user has installed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

# The path of a socket has at most 107 bytes, of which its name takes 50.
FOLDER_LIMIT = 57
# Loaded while the kernel waits for its first cell.
# A kernel ends with the process that started it, at once where the system can see to that: what it writes later would
# outlive the folder that is removed then.
LAUNCHER = """
import ctypes, os, runpy, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if str(os.getppid()) != os.environ.get("JPY_PARENT_PID", str(os.getppid())):
    sys.exit(1)
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""
AHEAD = "import recon.charts.vegalite, recon.notebook, recon.verification.verify"


def kernel_manager(environment: Mapping[str, str] | None = None) -> type[AsyncKernelManager]:
    """A class that starts a kernel of this environment's Python.

    Args:
        environment: The kernel's environment variables; None: those of this process.
    """
    argv = [sys.executable, "-c", LAUNCHER, "-f", "{connection_file}", f"--IPKernelApp.exec_lines={AHEAD}"]
    given = None if environment is None else dict(environment)

    class OwnKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

        async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
            # Sockets in the file system are out of reach for other users and other machines.
            self.transport = "ipc" if os.name == "posix" and len(jupyter_runtime_dir()) < FOLDER_LIMIT else "tcp"
            if given is not None:
                options["env"] = given
            command, settings = await super()._async_pre_start_kernel(**options)
            return command, settings

        pre_start_kernel = _async_pre_start_kernel

    return OwnKernelManager
