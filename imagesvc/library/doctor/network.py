"""Settings of the network, and what must be reachable: the server, and the identity provider."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from imagesvc.auth.provider.discovery import PATH
from imagesvc.library.doctor.findings import Finding, error, ok, warning
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import running_server
from imagesvc.syntax.hosts import is_loopback, split_hosts

SECONDS = 5.0
OK = 200


def accounts(settings: Settings) -> Iterator[Finding]:
    """Who may use the service."""
    is_open = not all(map(is_loopback, split_hosts(settings.host)))
    if settings.auth != "off":
        yield ok("auth", str(settings.auth))
    elif is_open:
        yield error(
            "auth", f"off on {settings.host}: everybody is an admin.", "Remove the setting auth."
        )
    else:
        yield warning(
            "auth",
            "off: every program and user of this machine is an admin.",
            "Remove the setting auth, except to try things out. Never put a proxy in front.",
        )
    if settings.public_url == "off":
        if is_open:
            yield warning(
                "public_url",
                f"is not set, and the service listens on {settings.host}: links in messages and "
                "webhooks name no host.",
                "Set public_url to the address that browsers use.",
            )
        return
    yield ok("public_url", settings.public_url)
    if not settings.trusted_proxies:
        yield warning(
            "trusted_proxies",
            "is empty. If public_url is that of a proxy, all visitors share one rate limit and one "
            "address in the log. The server logs forwarded.ignored when it sees a proxy.",
            "Name the proxy's address in trusted_proxies.",
        )
    else:
        yield ok("trusted_proxies", ", ".join(str(network) for network in settings.trusted_proxies))


def server(data_dir: DataDir) -> Iterator[Finding]:
    """The server that uses the data directory, if there is one."""
    url = running_server(data_dir.server_lock)
    if url is None:
        yield ok("server", "none is running on this data directory")
        return
    try:
        answer = httpx2.get(f"{url}/readyz", timeout=SECONDS)
        checks = answer.json()["checks"]
    except (httpx2.HTTPError, ValueError, KeyError) as failure:
        yield error("server", f"{url} does not answer: {failure}", "Look into its log.")
        return
    failed = [f"{name}: {text}" for name, text in checks.items() if text != "ok"]
    if failed:
        yield error("server", f"{url} is not ready: {'; '.join(failed)}", "Look into its log.")
    else:
        yield ok("server", f"{url} is ready")


def providers(settings: Settings) -> Iterator[Finding]:
    """The documents of identity providers."""
    if settings.oidc_issuer != "off":
        yield _fetched("oidc", f"{settings.oidc_issuer.rstrip('/')}{PATH}")
    if settings.jwt_jwks.startswith(("http://", "https://")):
        yield _fetched("jwks", settings.jwt_jwks)


def _fetched(name: str, url: str) -> Finding:
    try:
        answer = httpx2.get(url, timeout=SECONDS)
        reason = "" if answer.status_code == OK else f"status {answer.status_code}"
    except httpx2.HTTPError as failure:
        reason = str(failure) or type(failure).__name__
    if reason:
        text = f"{url} cannot be fetched ({reason}), so nobody can log in there."
        return error(name, text, "Check the setting, the provider, and the network's proxy.")
    return ok(name, url)
