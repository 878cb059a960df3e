"""Certificates for the tests' own servers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORM = ("-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "36500")
# Not localhost: a name of the same server that the certificate does not have.
NAMES = ("-subj", "/CN=recon-tests", "-addext", "subjectAltName=IP:127.0.0.1")


def make_certificate(folder: Path) -> None:
    """Write `ca.pem` and `key.pem`: a certificate of 127.0.0.1 that is its own authority."""
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem"))
    subprocess.run(["openssl", "req", *FORM, *NAMES, *files], check=True, capture_output=True)
