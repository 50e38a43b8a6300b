"""The files to copy: units of systemd, compose.yaml, the Caddyfile and .env.example."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # there are stubs, for this one line

from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import PREFIX
from scripts.make_env_example import text
from tests.accounts import admin_of
from tests.conftest import MakeServer
from tests.proxies import caddy
from tests.test_recipes_of_proxies import use_through
from tests.waiting import PATIENCE

REPOSITORY = Path(__file__).parent.parent
OPS = REPOSITORY / "ops"
UNITS = sorted(
    path.name for path in OPS.iterdir() if path.suffix in {".service", ".socket", ".timer"}
)
SERVICES = [name for name in UNITS if name.endswith(".service")]
MOST_EXPOSED = 15
"""Tenths, as `--threshold` has them."""
analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is needed")


def analysed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says."""
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip


@analyze
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """The program of the units does not exist here."""
    for name in UNITS:
        unit = (OPS / name).read_text().replace("/opt/imagesvc/bin/imagesvc", "/bin/true")
        (tmp_path / name).write_text(unit)

    found = analysed("verify", *(str(tmp_path / name) for name in UNITS))

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@analyze
@pytest.mark.parametrize("name", SERVICES)
def test_units_are_hardened(name: str) -> None:
    """The exposure is 1.5 at most, of 10."""
    place = str(OPS / name)

    found = analysed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", place)

    assert found.returncode == 0, found.stdout


def test_workers_may_lock_themselves() -> None:
    """The filter of system calls permits those of their sandbox."""
    unit = (OPS / "imagesvc.service").read_text().splitlines()
    allowed = [line for line in unit if line.startswith("SystemCallFilter=")][2:]
    names = " ".join(line.removeprefix("SystemCallFilter=") for line in allowed).split()

    assert {"landlock_create_ruleset", "landlock_restrict_self", "seccomp", "capset"} <= {*names}


@pytest.fixture
def composed() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    return found


def test_the_service_of_compose_trusts_the_network_of_its_proxy(composed: dict[str, Any]) -> None:
    """The subnet is written twice; its settings are those of this version."""
    service = composed["services"]["imagesvc"]
    (network,) = composed["networks"]["proxied"]["ipam"]["config"]
    names = {name.removeprefix(PREFIX).lower() for name in service["environment"]}

    assert service["environment"]["IMAGESVC_TRUSTED_PROXIES"] == f'["{network["subnet"]}"]'
    assert names <= Settings.model_fields.keys()
    assert "ports" not in service
    assert [each for each in composed["services"].values() if not each["read_only"]] == []
    assert {*service["secrets"]} == composed["secrets"].keys()


def test_the_example_of_variables_is_complete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`make env-example` writes it; each line takes effect without its "# "."""
    monkeypatch.chdir(tmp_path)
    example = (REPOSITORY / ".env.example").read_text()
    lines = [line.removeprefix("# ") for line in example.splitlines() if f"# {PREFIX}" in line]

    (tmp_path / ".env").write_text("\n".join(line for line in lines if not line.endswith("=")))

    assert example == text()
    assert len(lines) == len(Settings.model_fields)
    assert Settings().shown() == Settings(_env_file=None).shown()


def test_the_caddyfile_passes_uploads_and_events(make_server: MakeServer, tmp_path: Path) -> None:
    """Of any size; clients cannot choose their address or host."""
    server = make_server(auth="required", trusted_proxies='["127.0.0.1/32"]')
    site = (OPS / "Caddyfile").read_text()
    site = site.replace("{$SITE}", "http://127.0.0.1:{port}")
    site = site.replace("{$UPSTREAM:127.0.0.1:8000}", f"127.0.0.1:{server.port}")

    with caddy(tmp_path, site) as port:
        use_through(port, "", admin_of(server))

    assert "203.0.113.9" not in server.log()
