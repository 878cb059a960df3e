"""The widget of a table; importing this loads anywidget, which comes with the extra `lab`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


class RowTableWidget(anywidget.AnyWidget):
    """What a browser has of one table: a page, and an opened record; it asks by messages.

    Attributes:
        page: See `RowTable.page`.
        record: See `RowTable.record`.
    """

    _esm = HERE / "table.js"
    _css = HERE / "table.css"
    page: Any = traitlets.Dict().tag(sync=True)
    record: Any = traitlets.Dict().tag(sync=True)
