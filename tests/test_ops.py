"""The files to copy: units of systemd, compose.yaml, the Caddyfile and .env.example."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # there are stubs, for this one line

from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import PREFIX
from imagesvc.syntax.bucket_url import parse_bucket_url
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


@pytest.mark.parametrize("name", ["imagesvc.service", "imagesvc-worker.service"])
def test_workers_may_lock_themselves(name: str) -> None:
    """The filter of system calls permits those of their sandbox."""
    unit = (OPS / name).read_text().splitlines()
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


@pytest.fixture
def clustered() -> dict[str, Any]:
    """The services of compose.cluster.yaml."""
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.cluster.yaml").read_text())
    return found


def test_the_settings_of_compose_for_several_servers_are_valid(
    clustered: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Servers, workers and the migration have the same; other containers know the addresses."""
    monkeypatch.chdir(tmp_path)
    services = clustered["services"]
    ours = {name: each for name, each in services.items() if each.get("image") == "imagesvc"}
    assert {*ours} == {"migrate", "server-a", "server-b", "worker"}
    (network,) = clustered["networks"]["proxied"]["ipam"]["config"]
    for service in ours.values():
        variables = {**service["environment"], f"{PREFIX}PUBLIC_URL": "https://a.example.org"}
        names = {name.removeprefix(PREFIX).lower() for name in variables if PREFIX in name}
        assert names <= Settings.model_fields.keys()
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        assert [str(each) for each in settings.trusted_proxies] == [network["subnet"]]
        assert settings.blob_url is not None
        assert urlsplit(parse_bucket_url(settings.blob_url).endpoint or "").hostname in services
        assert settings.database_url is not None
        assert urlsplit(settings.database_url.get_secret_value()).hostname in services
        assert {*service["secrets"]} == clustered["secrets"].keys()
        assert service["read_only"]
        assert "ports" not in service
    assert ours["server-a"]["volumes"] == ["${BACKUPS:-backups}:/backups"]
    assert ours["worker"]["environment"][f"{PREFIX}WORKER_METRICS"] == "0.0.0.0:9101"
    assert ours["worker"]["networks"] == ["stores"], "nobody else reads the metrics"
    bucket = parse_bucket_url(ours["worker"]["environment"][f"{PREFIX}BLOB_URL"]).bucket
    assert services["s3"]["volumes"] == [f"{bucket}:/data/{bucket}"]
    upstreams = services["caddy"]["environment"]["UPSTREAMS"].split()
    assert [each.removesuffix(":8000") for each in upstreams] == ["server-a", "server-b"]


def test_the_objects_for_kubernetes_belong_together() -> None:
    """They name each other, settings of this version, and checks that servers answer."""
    objects = yaml.safe_load((OPS / "kubernetes.yaml").read_text())["items"]
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    config = by_name["ConfigMap", "imagesvc"]["data"]
    secret = by_name["Secret", "imagesvc"]["stringData"]
    names = {name.removeprefix(PREFIX).lower() for name in config | secret if PREFIX in name}
    assert {"database_url", "secret_key", "blob_url"} <= names <= Settings.model_fields.keys()
    for kind, name in (
        ("Job", "imagesvc-migrate"), ("Deployment", "imagesvc-server"),
        ("Deployment", "imagesvc-worker"),
    ):  # fmt: skip
        pod = by_name[kind, name]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        sources = [source for each in container["envFrom"] for source in each.values()]
        assert {source["name"] for source in sources} == {"imagesvc"}
        assert container["args"][0] in {"migrate", "serve", "worker"}
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            volume["name"] for volume in pod["volumes"]
        }
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["enableServiceLinks"] is False  # else IMAGESVC_PORT is that of the service
    (worker,) = by_name["Deployment", "imagesvc-worker"]["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in worker["env"]}
    assert Settings(worker_metrics=variables[f"{PREFIX}WORKER_METRICS"]).worker_metrics_address == (
        "0.0.0.0", worker["ports"][0]["containerPort"],
    )  # fmt: skip
    (server,) = by_name["Deployment", "imagesvc-server"]["spec"]["template"]["spec"]["containers"]
    assert server["readinessProbe"]["httpGet"]["path"] == "/readyz?for=server"
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz"
    labels = by_name["Deployment", "imagesvc-server"]["spec"]["template"]["metadata"]["labels"]
    assert by_name["Service", "imagesvc"]["spec"]["selector"] == labels


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
