"""Clients that upload, delete and read until the server is killed, and record what it confirmed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests import databases
from tests.crash.pictures import jpeg, marked
from tests.server import Server, new_client

LONG_KILLS = int(os.environ.get("KILLS", "100"))
"""Kills of the longest schedule; others have at most as many."""
SHARED_SEEDS = 6
"""The number of different pictures, so few that uploads and deletes of the same bytes collide."""
ALWAYS_KEPT = 8
"""The minimum of images that deletes leave, since deletes are quicker than uploads."""
SMALL, WIDE = jpeg(1), jpeg(2, 800, 600)
SHARED = [jpeg(seed) for seed in range(10, 10 + SHARED_SEEDS)]


@dataclass(frozen=True, slots=True)
class Promise:
    """An upload that was answered 201."""

    image_id: str
    job_id: str
    content: bytes


@dataclass(slots=True)
class Ledger:
    """All that the server has acknowledged, over all its starts."""

    kept: dict[str, Promise] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    """At most `ALWAYS_KEPT` images that are not deleted."""
    deleted: set[str] = field(default_factory=set)
    in_doubt: dict[str, Promise] = field(default_factory=dict)  # a delete without an answer
    lock: threading.Lock = field(default_factory=threading.Lock)

    def uploaded(self, image: dict[str, dict[str, str]], content: bytes) -> None:
        """Record an image as acknowledged."""
        promise = Promise(str(image["id"]), image["job"]["id"], content)
        with self.lock:
            self.kept[promise.image_id] = promise

    def take_one(self, chance: random.Random) -> Promise | None:
        """An image to delete, whose state is unknown from now on; None while there are few."""
        with self.lock:
            if len(self.kept) <= ALWAYS_KEPT:
                return None
            promise = self.kept.pop(chance.choice(sorted(self.kept.keys() - self.protected)))
            self.in_doubt[promise.image_id] = promise
            return promise

    def gone(self, promise: Promise) -> None:
        """Record a delete as acknowledged."""
        with self.lock:
            del self.in_doubt[promise.image_id]
            self.deleted.add(promise.image_id)

    def sample(self, chance: random.Random, size: int) -> list[Promise]:
        """Some existing images."""
        with self.lock:
            promises = sorted(self.kept.values(), key=lambda promise: promise.image_id)
        return chance.sample(promises, min(size, len(promises)))


Step = Callable[[httpx2.Client, random.Random, Ledger], None]


def upload_unique(client: httpx2.Client, chance: random.Random, ledger: Ledger) -> None:
    """Upload unique bytes; sometimes enough of them for several writes."""
    picture = WIDE if chance.random() < 0.3 else SMALL
    content = marked(picture, chance.getrandbits(100))
    answer = client.post("/api/v1/images?filename=u.jpg", content=content)
    if answer.status_code == 201:
        ledger.uploaded(answer.json(), content)


def upload_shared(client: httpx2.Client, chance: random.Random, ledger: Ledger) -> None:
    """Upload two files in one request, of bytes that others upload and delete, too."""
    contents = chance.choices(SHARED, k=2)
    files = [("file", (f"{n}.jpg", content)) for n, content in enumerate(contents)]
    answer = client.post("/api/v1/images", files=files)
    if answer.status_code == 207:
        for entry, content in zip(answer.json()["data"], contents, strict=True):
            assert entry["status"] == 201, entry
            ledger.uploaded(entry["image"], content)


def delete_one(client: httpx2.Client, chance: random.Random, ledger: Ledger) -> None:
    """Delete an image, sometimes."""
    promise = ledger.take_one(chance) if chance.random() < 0.5 else None
    if promise is None:
        time.sleep(0.005)
        return
    assert client.delete(f"/api/v1/images/{promise.image_id}").status_code == 204
    ledger.gone(promise)


def look_at_one(client: httpx2.Client, chance: random.Random, ledger: Ledger) -> None:
    """Request a variant that is probably new."""
    for promise in ledger.sample(chance, 1):
        client.get(f"/images/{promise.image_id}?w={chance.randrange(8, 32)}")


STEPS: tuple[Step, ...] = (upload_unique, upload_unique, upload_shared, delete_one, look_at_one)


class Traffic:
    """A client for each step, kept over the server's restarts: new ones are slow to make."""

    def __init__(self, server: Server, ledger: Ledger) -> None:
        self.ledger = ledger
        self.wrong: list[BaseException] = []
        self._clients = [new_client(base_url=server.client.base_url) for _ in STEPS]

    @contextmanager
    def flows(self, seed: int) -> Iterator[None]:
        """Repeat each step in a separate thread until the server is killed."""
        stopping = threading.Event()

        def work(number: int) -> None:
            chance = random.Random(seed * 1000 + number)
            try:
                while not stopping.is_set():
                    STEPS[number](self._clients[number], chance, self.ledger)
            except httpx2.TransportError:
                return
            except BaseException as error:  # noqa: BLE001  # told to the test
                self.wrong.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(STEPS))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join()

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()


def rows(data_dir: Path, query: str) -> set[str]:
    """The first column of a query, read with or without a running server."""
    return set(map(str, databases.run_sql(data_dir, query)))
