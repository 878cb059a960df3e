"""Sends what reads and nothing else: the one place where a request leaves recon for the source's API."""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

from recon.database.secrets import remember
from recon.errors import ApiError
from recon.preflight.wild_apricot.address import is_loopback, origin


class ReadingTransport(httpx.BaseTransport):
    """Sends GET requests to the API and POST requests to the token endpoint; any other request is an error.

    TLS is verified, always. A proxy is that of the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY), and none for this
    machine.

    Args:
        api_url: Address of the API.
        oauth_url: Address of the token endpoint.
    """

    def __init__(self, api_url: str, oauth_url: str) -> None:
        self._api, self._oauth = origin(api_url), httpx.URL(oauth_url)
        self._ways: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            ApiError: It is no request that reads.
        """
        is_token = request.method == "POST" and request.url == self._oauth
        is_reading = request.method == "GET" and origin(str(request.url)) == self._api
        if not (is_token or is_reading):
            raise ApiError(
                "This request is not sent: recon only reads",
                where=f"{request.method} {request.url.copy_with(query=None)}",
                expected="GET from the API, or POST to the token endpoint",
            )
        return self._way(request.url).handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        for way in self._ways.values():
            way.close()

    def _way(self, url: httpx.URL) -> httpx.HTTPTransport:
        place = f"{url.scheme}://{url.host}"
        if place not in self._ways:
            self._ways[place] = _opened(url)
        return self._ways[place]


def _opened(url: httpx.URL) -> httpx.HTTPTransport:
    # A context without authorities trusts nobody, which is enough where nothing is encrypted.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if url.scheme == "http" else httpx.create_ssl_context()
    proxies = {} if is_loopback(url.host) or proxy_bypass(url.host) else getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return httpx.HTTPTransport(verify=context)
    remember(proxy)
    try:
        return httpx.HTTPTransport(verify=context, proxy=proxy if "://" in proxy else f"http://{proxy}")
    except (ImportError, ValueError, httpx.InvalidURL):
        raise ApiError(
            "The proxy of the environment cannot be used",
            where=f"{url.scheme.upper()}_PROXY or ALL_PROXY",
            expected="an http or https address",
            next_step="Correct it, or name the host in NO_PROXY",
        ) from None
