"""The addresses of the API: encrypted, or on this machine, and never with a password in them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from recon.database.secrets import remember
from recon.errors import UsageError

API_URL = "https://api.wildapricot.org/v2.2"
OAUTH_URL = "https://oauth.wildapricot.org/auth/token"
PORTS = {"https": 443, "http": 80}
PRINTABLE = re.compile(r"[!-~]{1,2000}")


def service_address(text: str | None, default: str, setting: str) -> str:
    """Return the address of a service, without a slash at its end.

    Args:
        text: As the user gave it; None or empty: the default. Without a path, it gets that of the default.
        default: The service's own address.
        setting: The name of the setting, for errors.

    Raises:
        UsageError: It is no address, is not encrypted and not of this machine, or holds a password.
    """
    given = (text or "").strip() or default
    remember(given)
    parts = _parts(given)
    if parts is None or parts.scheme not in PORTS or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("This is no address of an API", where=setting, expected=f"one like {default}")
    if "@" in parts.netloc:
        raise UsageError(
            "The address of an API holds no user and no password", where=setting, expected=f"one like {default}"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError(
            "The key would be sent without encryption",
            where=setting,
            expected="https, or a host of this machine such as 127.0.0.1",
            found=f"http to {parts.hostname}",
        )
    path = parts.path.rstrip("/") or urlsplit(default).path
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address; None where it is none."""
    parts = _parts(url)
    if parts is None or parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname.lower(), parts.port or PORTS[parts.scheme]


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _parts(url: str) -> SplitResult | None:
    """The parts of an address; None where it is none."""
    if not PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
