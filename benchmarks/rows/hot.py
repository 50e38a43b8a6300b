"""A variant in memory against a bare uvicorn application; and the 304 for it."""

from __future__ import annotations

from benchmarks import client, plan
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CLIENT_CORE, SERVER_CORE, BareServer, ImageService

_CONNECTIONS = 32
_BYTES = 22_000
_ACCEPT = "image/avif,image/webp,*/*"


def run(bench: Bench) -> list[Row]:
    """Both servers on one core, in turns; the load client on the other."""
    folder = bench.fresh("hot")
    with ImageService(folder) as service:
        image = client.upload(service.port, bench.photos.large)
        path = _variant_of_about(service.port, image, _BYTES)
        answer = client.ask(service.port, path)
        etag = {name.lower(): value for name, value in answer.headers}["etag"]
        auto = f"{path}&format=auto"
        negotiated_answer = client.ask(service.port, auto, headers={"Accept": _ACCEPT})
        with (
            BareServer(bench.fresh("bare"), answer) as bare,
            BareServer(bench.fresh("bare-negotiated"), negotiated_answer) as bare_negotiated,
        ):
            for server in (service, bare, bare_negotiated):
                server.pin(SERVER_CORE)
            hit = plan.get(path)
            hot = take_turns(
                bench.rounds,
                lambda _: _rate(bench, bare.port, hit, 200),
                lambda _: _rate(bench, service.port, hit, 200),
            )
            wanted = plan.get(auto, f"Accept: {_ACCEPT}")
            negotiated = take_turns(
                bench.rounds,
                lambda _: _rate(bench, bare_negotiated.port, wanted, 200),
                lambda _: _rate(bench, service.port, wanted, 200),
            )
            known = plan.get(path, f"If-None-Match: {etag}")
            not_modified = take_turns(
                bench.rounds,
                lambda _: _rate(bench, service.port, hit, 200),
                lambda _: _rate(bench, service.port, known, 304),
            )
    size = _size(answer)
    return [
        at_least(f"hot variant of {size} / bare uvicorn", 1.00, hot, "requests/s"),
        at_least(
            f"the same by format=auto, {_kind(negotiated_answer)} / bare uvicorn",
            1.00,
            negotiated,
            "requests/s",
        ),
        at_least("its 304 / the hot variant", 1.00, not_modified, "requests/s"),
    ]


def _variant_of_about(port: int, image: str, size: int) -> str:
    """The path of a variant of about this size, which is in memory afterwards."""
    paths = [f"/images/{image}?w={width}" for width in range(240, 720, 20)]
    return min(paths, key=lambda path: abs(len(client.ask(port, path).body) - size))


def _size(answer: client.Answer) -> str:
    return f"{len(answer.body) / 1000:.0f} kB"


def _kind(answer: client.Answer) -> str:
    """What was negotiated, such as "avif of 12 kB"."""
    media_type = {name.lower(): value for name, value in answer.headers}["content-type"]
    return f"{media_type.removeprefix('image/')} of {_size(answer)}"


def _rate(bench: Bench, port: int, request: plan.Request, status: int) -> float:
    seconds = 1.0 if bench.quick else 3.0
    load = plan.Plan(
        port, (request,), _CONNECTIONS, seconds=seconds, warmup_seconds=0.5, core=CLIENT_CORE
    )
    return client.run(load).expect(status).rate
