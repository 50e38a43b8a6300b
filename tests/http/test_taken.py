"""Accepted files get a thumbnail, and refused files a reason."""

from __future__ import annotations

import pytest

from tests.http.asking import assert_problem
from tests.imaging import tiffs
from tests.imaging.test_ancillary import CASES
from tests.imaging.test_layers import LAYERED, claiming
from tests.imaging.tiffs import Kind, picture
from tests.server import Server

pytestmark = pytest.mark.joint

TAKEN = {
    "zstd.tif": picture(Kind(compression=tiffs.ZSTD)),
    "lzma.tif": picture(Kind(compression=tiffs.LZMA, photometric=tiffs.GRAY)),
    "lab.tif": picture(Kind(photometric=tiffs.CIELAB)),
    "floats.tif": picture(Kind(bits=32, form=tiffs.FLOAT, order=">", is_big=True)),
    "layers.avif": LAYERED,
    "text.png": CASES["png"]["a text that is cut off"],
    "header.jp2": CASES["jp2"]["colours of an unknown method"],
    "behind.heic": CASES["heic"]["text behind"],
}
REFUSED = {
    "lerc.tif": (picture(Kind(compression=tiffs.LERC)), "LERC"),
    "twelve.tif": (picture(Kind(bits=12)), "12 bits"),
    "layer.avif": (claiming(LAYERED, 48, 32), "layer"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_accepted_files_have_a_thumbnail(server: Server, name: str) -> None:
    """Sandboxed workers make it, and must have loaded all decoders."""
    answer = server.client.post("/images", files={"file": (name, TAKEN[name])})

    assert answer.status_code == 201
    assert server.finished(answer.json()["job"]["id"])["status"] == "succeeded"
    assert server.client.get(answer.json()["urls"]["thumbnail"]).status_code == 200


@pytest.mark.parametrize("name", REFUSED)
def test_undecodable_files_are_refused_with_the_reason(server: Server, name: str) -> None:
    """The upload is refused immediately, instead of failing in a later job."""
    data, reason = REFUSED[name]

    answer = server.client.post("/images", files={"file": (name, data)})

    assert reason in assert_problem(answer, 415, "unsupported_media_type")["detail"]
