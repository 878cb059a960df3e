"""Serves the site's folder, and nothing else, to browsers on this machine."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from io import BytesIO
    from typing import BinaryIO

LOOPBACK = "127.0.0.1"
HOSTS = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d+)?", re.IGNORECASE)
# Each page has its own, stricter policy; this one applies to responses without one.
POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that disconnects."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _SiteHandler(SimpleHTTPRequestHandler):
    server_version = "recon"
    sys_version = ""
    timeout = 30
    extensions_map = {  # noqa: RUF012 - an attribute of the library's class, of which its instances have none
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".json": "application/json",
        ".md": "text/plain; charset=utf-8",
        ".svg": "image/svg+xml",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
    }

    def send_head(self) -> BytesIO | BinaryIO | None:
        # Otherwise a foreign page whose host name resolves to this machine could read the site through its visitor's
        # browser.
        if not HOSTS.fullmatch(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        if not self._is_of_site():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_of_site(self) -> bool:
        """Whether the path, with links resolved, stays in the folder and names nothing hidden."""
        root = Path(self.directory).resolve()
        try:
            path = Path(self.translate_path(self.path)).resolve()
        except (OSError, ValueError):
            return False
        return path.is_relative_to(root) and not any(p.startswith(".") for p in path.relative_to(root).parts)

    def list_directory(self, path: str | os.PathLike[str]) -> BytesIO | None:  # noqa: ARG002 - its signature
        """Show nothing for a folder without its own page."""
        self.send_error(HTTPStatus.NOT_FOUND)
        return None

    def refuse(self) -> None:
        """Refuse: nothing can be changed here."""
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse  # noqa: N815 - names of the library

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its signature
        """Log no requests, for the privacy of the readers."""


@contextmanager
def serving(site: Path, port: int = 0) -> Iterator[ThreadingHTTPServer]:
    """A server of `site` on the loopback address; the caller runs its `serve_forever`.

    Args:
        site: The folder to serve.
        port: The port to listen on; 0: any free one.

    Raises:
        UsageError: The port is taken, or requires privileges.
    """
    try:
        server = _Server((LOOPBACK, port), partial(_SiteHandler, directory=str(site)))
    except (OSError, OverflowError) as error:
        raise UsageError(
            "The site cannot be served there",
            where=f"--port {port}",
            found=getattr(error, "strerror", None) or str(error),
            next_step="Choose another, or 0 for any that is free",
        ) from error
    with server:
        yield server
