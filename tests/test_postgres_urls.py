"""URLs of PostgreSQL: which are accepted, and which hosts the driver is given."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, make_url

from imagesvc.syntax.postgres_url import with_one_host


@pytest.mark.parametrize(
    ("text", "host", "port", "password"),
    [
        ("postgresql://u:p@a:5432,b:5433/db", "a,b", "5432,5433", "p"),
        ("postgres://u:p,%2F%40%3Fx@a,[::1]:5/db?sslmode=require", "a,::1", ",5", "p,/@?x"),
        ("postgresql://u:p@%2Frun,b/db", "/run,b", ",", "p"),
        ("postgresql://u:p@/db?host=a,b&port=5432,5433", "a,b", "5432,5433", "p"),
        ("postgresql://u:p@[::1]:5432/db", "::1", 5432, "p"),
        ("postgresql:///db?host=/run&password=p", "/run", None, "p"),
    ],
)
def test_hosts_are_given_to_the_driver(
    text: str, host: str, port: str | int | None, password: str
) -> None:
    url = make_url(with_one_host(text)).set(drivername="postgresql+psycopg")

    _, options = create_engine(url).dialect.create_connect_args(url)

    assert options.get("dbname") == "db"
    assert (options["host"], options.get("port"), options["password"]) == (host, port, password)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:p@ss@a:5432/db", "postgresql://u:p/@a/db", "postgresql://u:p@a:0/db",
        "postgresql://u:p@a:65536/db", "postgresql://u:p@a:5432,b:x/db", "postgresql://u:p@a,/db",
        "postgresql://u:p@a,b/db?port=5432", "postgresql://a b/db", "postgresql://[host]/db",
        "postgresql://u:p@a:/db", "postgresql:/a/db", "mysql://a/db", "",
    ],
)  # fmt: skip
def test_what_the_driver_would_take_for_something_else_is_refused(text: str) -> None:
    """A password whose special characters are not encoded becomes a part of the host."""
    with pytest.raises(ValueError, match=r"host|URL"):
        with_one_host(text)
