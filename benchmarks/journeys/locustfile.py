"""The journeys, for Locust: viewers, uploaders, searchers and an editor.

The test brings its own images, and deletes them and those that it uploaded at its end.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import urllib.parse
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gevent
import requests
from locust import FastHttpUser, constant_pacing, events, task

# Locust runs this file alone, not as part of its package.
sys.path.insert(0, str(Path(__file__).parent))
from limits import (  # type: ignore[import-not-found]
    COLD,
    EDIT,
    FACETS,
    HOT,
    JOB,
    PAGE,
    PREVIEW,
    SEARCH,
    SHOW,
    THUMBNAIL,
    TIMELINE,
    UPLOAD,
    violations,
)  # fmt: skip

KEY = os.environ.get("LOAD_KEY", "")
FIELDS = {"Authorization": f"Bearer {KEY}"} if KEY else {}
PHOTO = Path(os.environ["LOAD_PHOTO"]).read_bytes()
SLACK = float(os.environ.get("LOAD_SLACK", "1"))
SEEDS = 40
WORDS = ("beach", "harbour", "meadow", "station", "winter", "garden")
LATEST_SECONDS = 60.0

images: list[str] = []
"""The images of the test, to view and edit."""
uploaded: list[str] = []
"""Those that the journeys have added."""
numbers = itertools.count(random.getrandbits(48))  # so that no run finds the files of another


def photo() -> bytes:
    """The photo with a comment segment of its own: same pixels, another digest."""
    text = b"load %x" % next(numbers)
    return PHOTO[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + PHOTO[2:]


def about(word: str) -> str:
    """The query of an upload."""
    return urllib.parse.urlencode(
        {"filename": f"{word}.jpg", "title": word, "tags": f"load,{word}"}
    )


@events.init.add_listener  # before the time of the run begins
def bring_images(environment: Any, **_: Any) -> None:
    """Upload the images to view, wait for their jobs, and have what is hot in memory."""
    fields = {**FIELDS, "Content-Type": "image/jpeg"}
    jobs = []
    for number in range(SEEDS):
        url = f"{environment.host}/api/v1/images?{about(WORDS[number % len(WORDS)])}"
        answer = requests.post(url, photo(), headers=fields, timeout=60)
        answer.raise_for_status()
        images.append(answer.json()["id"])
        jobs.append(answer.json()["job"]["id"])
    for job in jobs:
        while _is_open(f"{environment.host}/api/v1/jobs/{job}"):
            gevent.sleep(0.1)
    for image in images:
        requests.get(environment.host + hot(image), headers=FIELDS, timeout=60).raise_for_status()


def hot(image: str) -> str:
    """The path of a variant that many people look at."""
    return f"/images/{image}?w=400&format=webp"


def _is_open(url: str) -> bool:
    answer = requests.get(url, headers=FIELDS, timeout=60)
    answer.raise_for_status()
    return answer.json()["status"] in {"pending", "processing"}


@events.test_stop.add_listener
def delete_images(environment: Any, **_: Any) -> None:
    """Delete all images of the test."""
    ids = images + uploaded
    for start in range(0, len(ids), 100):
        url = f"{environment.host}/api/v1/images/actions/delete"
        requests.post(url, json={"ids": ids[start : start + 100]}, headers=FIELDS, timeout=60)


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:
    """Fail if a limit was not held."""
    stats = environment.stats
    found = violations(
        {entry.name: entry.get_response_time_percentile(0.95) for entry in stats.entries.values()},
        stats.total.fail_ratio,
        SLACK,
    )
    for violation in found:
        print(violation, file=sys.stderr)
    environment.process_exit_code = 1 if found else 0


class Person(FastHttpUser):
    """Somebody with a browser or a program."""

    abstract = True

    def get(self, path: str, name: str) -> Any:
        """A request that counts under a name."""
        return self.client.get(path, name=name, headers=FIELDS)


class Viewer(Person):
    """Opens the gallery, looks at a screen of thumbnails, and at a few pictures."""

    weight = 10
    wait_time = constant_pacing(2)

    @task(5)
    def look(self) -> None:
        """One screen of the gallery, and a picture that others look at too."""
        self.client.get("/", name=PAGE, headers={**FIELDS, "Accept": "text/html"})
        self.get("/api/v1/timeline", TIMELINE)
        for image in random.sample(images, 12):
            self.get(f"/images/{image}/thumbnail", THUMBNAIL)
        image = random.choice(images)
        self.get(f"/images/{image}/preview", PREVIEW)
        self.get(hot(image), HOT)

    @task(1)
    def look_closely(self) -> None:
        """A size that nobody asked for yet."""
        width = random.randint(100, 1000)
        quality = random.randint(60, 90)
        self.get(f"/images/{random.choice(images)}?w={width}&q={quality}&format=jpeg", COLD)


class Uploader(Person):
    """Adds a photo, and waits until its variants are there."""

    weight = 2
    wait_time = constant_pacing(5)

    @task
    def add(self) -> None:
        """One photo."""
        fields = {**FIELDS, "Content-Type": "image/jpeg"}
        path = f"/api/v1/images?{about(random.choice(WORDS))}"
        answer = self.client.post(path, data=photo(), headers=fields, name=UPLOAD)
        if answer.status_code != HTTPStatus.CREATED:
            return
        image = answer.json()
        uploaded.append(image["id"])
        with gevent.Timeout(LATEST_SECONDS, exception=False):
            while True:
                found = self.get(f"/api/v1/jobs/{image['job']['id']}", JOB)
                if found.status_code != HTTPStatus.OK:
                    return
                if found.json()["status"] not in {"pending", "processing"}:
                    return
                gevent.sleep(0.5)


class Searcher(Person):
    """Looks for pictures by words and tags."""

    weight = 3
    wait_time = constant_pacing(2)

    @task
    def search(self) -> None:
        """A search, and what narrows it."""
        word = random.choice(WORDS)
        query = random.choice((word, f"tag:{word}", f"{word} width:>100"))
        encoded = urllib.parse.urlencode({"q": query, "limit": 50})
        self.get(f"/api/v1/images?{encoded}", SEARCH)
        self.get(f"/api/v1/facets?{urllib.parse.urlencode({'q': word})}", FACETS)


class Editor(Person):
    """Gives pictures titles."""

    weight = 1
    wait_time = constant_pacing(3)

    @task
    def edit(self) -> None:
        """One picture."""
        image = random.choice(images)
        self.get(f"/api/v1/images/{image}", SHOW)
        title = {"title": f"{random.choice(WORDS)} {random.randint(1, 1000)}"}
        fields = {**FIELDS, "Content-Type": "application/merge-patch+json"}
        self.client.patch(f"/api/v1/images/{image}", json=title, headers=fields, name=EDIT)
