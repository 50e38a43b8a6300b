"""URLs of PostgreSQL, also with several hosts, as libpq has them."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

MAX_PORT = 65535
_URL = re.compile(
    r"(?P<start>postgres(?:ql(?:\+psycopg)?)?://(?:[^/?#@]*@)?)(?P<hosts>[^/?#@]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]*))(?::([1-9][0-9]{0,4}))?")


def with_one_host(url: str) -> str:
    """The URL for parsers that know one host: several are parameters, as in `?host=a,b&port=1,2`.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html

    Raises:
        ValueError: it is no URL of PostgreSQL.
    """
    found = _URL.fullmatch(url)
    if found is None or found["path"][:1] not in {"", "/"}:
        raise ValueError("no URL of PostgreSQL")
    pairs = [_host_and_port(text) for text in found["hosts"].split(",")]
    if len(pairs) == 1:
        return url
    hosts, ports = zip(*pairs, strict=True)
    query = found["query"] or ""
    if not all(hosts) or {"host", "port"} & dict(parse_qsl(query)).keys():
        raise ValueError("an empty host, or hosts also in the query")
    several = [f"host={','.join(hosts)}", f"port={','.join(ports)}", *filter(None, [query])]
    return f"{found['start']}{found['path']}?{'&'.join(several)}"


def _host_and_port(text: str) -> tuple[str, str]:
    found = _HOST.fullmatch(text)
    if found is None or int(found[3] or 1) > MAX_PORT:
        raise ValueError("no host with a port")
    return found[1] or found[2] or "", found[3] or ""
