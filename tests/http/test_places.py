"""Only the owner may see where a picture was taken."""

from __future__ import annotations

import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.http.asking import assert_problem, picture
from tests.http.people import People
from tests.server import Server

pytestmark = pytest.mark.joint

WHEN = "2019-07-14T18:20:00"
PLACE = {"latitude": -33.865, "longitude": 151.21, "altitude": None}


def with_place() -> bytes:
    """A JPEG from Sydney."""
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps |= {1: "S", 2: (33.0, 51.0, 54.0), 3: "E", 4: (151.0, 12.0, 36.0)}
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


def uploaded(client: httpx2.Client) -> dict[str, Any]:
    """A public image with a place."""
    answer = client.post("/api/v1/images", files={"file": ("a.jpg", with_place())})
    image: dict[str, Any] = answer.json()
    return image


def test_without_accounts_everybody_is_the_owner(server: Server) -> None:
    """The user of a private service wants its maps."""
    image = uploaded(server.client)

    assert image["gps"] == PLACE
    assert server.client.get(f"/api/v1/images/{image['id']}").json()["gps"] == PLACE


def test_other_users_do_not_get_the_location_of_a_public_image(people: People) -> None:
    """Neither the image nor a list has it; the owner and admins get it."""
    image = uploaded(people.ann)
    path = f"/api/v1/images/{image['id']}"

    shown = {name: getattr(people, name).get(path).json() for name in ("ann", "bob", "admin")}
    listed = people.bob.get("/api/v1/images").json()["data"]

    assert {name: it["gps"] for name, it in shown.items()} == {
        "ann": PLACE, "bob": None, "admin": PLACE,
    }  # fmt: skip
    assert [it["gps"] for it in listed if it["id"] == image["id"]] == [None]
    assert "151.2" not in str(shown["bob"])


def test_no_variant_contains_the_location(people: People) -> None:
    """Variants have no metadata."""
    image = uploaded(people.ann)

    thumbnail = people.bob.get(f"/images/{image['id']}/thumbnail").content

    assert not Image.open(io.BytesIO(thumbnail)).getexif()


def test_an_upload_names_place_and_time_of_a_file_without_them(server: Server) -> None:
    """As importers know them from sidecars; what the file itself says is stronger."""
    said = {"latitude": "48.1", "longitude": "-11.5", "altitude": "520", "taken_at": WHEN}

    bare = server.upload(picture(seed=71), **said)
    located = server.upload(with_place(), **said)
    answer = server.client.post(
        "/api/v1/images", files={"file": picture(seed=72)}, data={"latitude": "48.1"}
    )

    assert bare["gps"] == {"latitude": 48.1, "longitude": -11.5, "altitude": 520.0}
    assert bare["exif"]["taken_at"] == WHEN
    assert located["gps"] == PLACE
    assert_problem(answer, 400, "invalid_request")
    assert "longitude" in answer.json()["detail"]
