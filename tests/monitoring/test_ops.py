"""The dashboard and the alert rules: valid, tried out, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.asking import picture
from tests.server import Server, new_client, reserve_port
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
ALERTS = (OPS / "alerts.yml").read_text("utf-8")
ALERT_NAMES = re.findall(r"(?m)^ +- alert: (\w+)$", ALERTS)
PANELS: list[dict[str, Any]] = [
    panel
    for panel in json.loads((OPS / "grafana.json").read_text("utf-8"))["panels"]
    if panel["type"] != "row"
]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAMED = frozenset(
    re.findall(
        r"\b(?:imagesvc|process)_\w+",
        " ".join([*QUERIES, *re.findall(r"(?s)expr:(.*?)\n +(?:for|labels):", ALERTS)]),
    )
)
OF_WORKERS = {name for name in NAMED if name.startswith("imagesvc_worker_has_")}
"""The metrics that only `imagesvc worker` has."""


def promtool(*arguments: str, given: str = "") -> str:
    """What promtool says, which must be content."""
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: apt-get install prometheus"
    done = subprocess.run(
        [program, *arguments], cwd=OPS, input=given, capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_alert_rules_are_valid_and_fire_when_they_should() -> None:
    """Each at its threshold, and not for a neighbour that is below it."""
    assert f"{len(ALERT_NAMES)} rules found" in promtool("check", "rules", "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_every_alert_is_tried_out_and_has_its_section() -> None:
    """Who is woken by an alert finds what to do."""
    tests = (OPS / "alerts_test.yml").read_text("utf-8")
    fired = re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", tests)
    quiet = re.findall(r"alertname: (\w+), exp_alerts: \[\]", tests)
    docs = (ROOT / "docs" / "monitoring.md").read_text("utf-8")

    assert ALERT_NAMES == fired == quiet == re.findall(r"(?m)^### (Imagesvc\w+)$", docs)
    for name in ALERT_NAMES:
        assert f"runbook_url: docs/monitoring.md#{name.lower()}\n" in ALERTS


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has had a few requests, a job and a backup."""
    server = Server(tmp_path_factory.mktemp("used") / "data").start()
    (server.data_dir / "last-backup").write_text("2026-01-02T03:04:05+00:00\n")
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    for path in (f"/images/{image['id']}?w=20", f"/images/{image['id']}?w=20", "/nothing"):
        server.client.get(path)
    yield server
    server.close()


def test_metrics_follow_the_conventions_of_prometheus(used: Server) -> None:
    """Names, units, help texts; promtool says nothing."""
    assert promtool("check", "metrics", given=used.client.get("/metrics").text) == ""


def test_dashboard_and_alerts_name_metrics_that_exist(used: Server) -> None:
    """A metric that was renamed would leave a panel empty, and an alert silent."""
    text = used.client.get("/metrics").text
    exposed = set(re.findall(r"(?m)^(\w+)[{ ]", text))

    assert len(NAMED) > 20
    assert exposed >= NAMED - OF_WORKERS


@pytest.fixture
def prometheus(used: Server, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A Prometheus with the rules, which scrapes the server often, and waits as long for it."""
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is missing: apt-get install prometheus"
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 1s}\n"
        f"rule_files: [{OPS / 'alerts.yml'}]\n"
        "scrape_configs:\n"
        "  - job_name: imagesvc\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{used.port}']}}]\n"
    )
    with reserve_port() as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        process = subprocess.Popen(
            [program, "--config.file=prometheus.yml", f"--web.listen-address={address}",
             "--storage.tsdb.path=data", "--log.level=warn"],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with new_client(base_url=f"http://{address}") as client:
            yield client
        process.kill()
        process.wait()


@pytest.mark.long
def test_a_prometheus_answers_every_panel_and_evaluates_every_alert(
    prometheus: httpx2.Client,
) -> None:
    """As Grafana asks for it, with its variables filled in."""

    def answered(query: str) -> list[Any]:
        filled = query.replace("$__rate_interval", "1m")
        filled = filled.replace("$job", "imagesvc").replace("$instance", ".*")
        answer = prometheus.get("/api/v1/query", params={"query": filled}).json()
        assert answer["status"] == "success", (query, answer)
        found: list[Any] = answer["data"]["result"]
        return found

    def is_scraped() -> bool:
        try:
            is_ready = prometheus.get("/-/ready").status_code == 200
        except httpx2.TransportError:
            return False
        return is_ready and bool(answered("count_over_time(imagesvc_build_info[1m]) > 2"))

    until(is_scraped)
    of_servers = [query for query in QUERIES if not any(name in query for name in OF_WORKERS)]
    until(lambda: all(map(answered, of_servers)))

    def rules() -> list[dict[str, Any]]:
        groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    evaluated = until(rules)
    assert {rule["name"]: rule["health"] for rule in evaluated} == dict.fromkeys(ALERT_NAMES, "ok")
    firing = {rule["name"] for rule in evaluated if rule["state"] == "firing"}
    assert firing <= {"ImagesvcUnsandboxed"}
