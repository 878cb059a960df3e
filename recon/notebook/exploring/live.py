"""Whether a browser can ask this kernel, and what widgets need."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from recon.errors import UsageError

WIDGETS = "anywidget"
EXTRA = "pip install 'recon[lab]'"


def is_live() -> bool:
    """Whether this cell was run by somebody who can answer: papermill and nbconvert take no input, and get no widgets.

    Without the extra `lab` there are no widgets either.
    """
    ipython: Any = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    if kernel is None or find_spec(WIDGETS) is None:
        return False
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def require_widgets() -> None:
    """Require what widgets are made of.

    Raises:
        UsageError: It is not installed.
    """
    if find_spec(WIDGETS) is None:
        raise UsageError("Tables that answer need the extra lab", expected=WIDGETS, found="none", next_step=EXTRA)
