"""A worker with false answers affects only its own call and process, and memory stays bounded."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import WorkerDied
from imagesvc.imaging.calls import ANALYSE, PROBE, RENDER, Answer, Call
from imagesvc.imaging.messages import Rendered
from tests.attack.pools import LIAR, execute, rogue_pool
from tests.waiting import until

pytestmark = pytest.mark.anyio

SAY = """
import os, struct, sys, time
def say(plain, body=b"", text_size=None, body_size=None, more=b""):
    head = struct.pack("!II", len(plain) if text_size is None else text_size,
                       len(body) if body_size is None else body_size)
    view = memoryview(head + plain + body + more)
    while view:
        view = view[os.write(int(sys.argv[1]), view):]
"""
WAIT = "\ntime.sleep(600)\n"
FINE = b'{"value": 1, "calls": 1, "resident_bytes": 1}'
UNAUTHORIZED = b'{"error": {"code": "unauthorized", "detail": "", "fields": []}}'
LIES = {
    "a long text": "say(b'', text_size=0xFFFFFFFF)",
    "a long body": "say(b'{}', body_size=0x7FFFFFFF)",
    "no JSON": "say(b'[')",
    "no object": "say(b'[]')",
    "deep JSON": "say(b'[' * 1000000)",
    "deep objects": """say(b'{"value":' * 100000 + b'1' + b'}' * 100000)""",
    "NaN": """say(b'{"value": NaN}')""",
    "neither value nor error": "say(b'{}')",
    "more than it said": f"say({FINE!r}, more=b'x')",
    "an error that workers do not raise": f"say({UNAUTHORIZED!r})",
    "an error that is none": """say(b'{"error": [1]}')""",
    "files that nobody gave": "say(b'{\"file_wanted\": true}')",
    "its end": "os._exit(0)",
}


async def test_a_lie_costs_its_own_call(tmp_path: Path) -> None:
    """The call fails, the worker is ended, and the next call gets another."""
    async with rogue_pool(tmp_path, module=LIAR) as pool:
        for name, lie in LIES.items():
            liar = await execute(pool, "import os; result = os.getpid()")

            with pytest.raises(WorkerDied):
                pytest.fail(f"{name}: {await execute(pool, SAY + lie + WAIT)}")

            assert await execute(pool, "import os; result = os.getpid()") != liar, name


AGES = (
    '{"value": 1}',
    '{"value": 1, "calls": "many", "resident_bytes": []}',
    '{"value": 1, "calls": -1, "resident_bytes": 1}',
    '{"value": 1, "calls": 1, "resident_bytes": 1e300}',
)


async def test_a_worker_that_lies_about_its_age_is_replaced(tmp_path: Path) -> None:
    """Its answer is accepted.

    Otherwise a worker could stay for good, or corrupt the server's counters.
    """
    async with rogue_pool(tmp_path, module=LIAR) as pool:
        for plain in AGES:
            liar = await execute(pool, "import os; result = os.getpid()")

            answer = await execute(pool, f"{SAY}say({plain.encode()!r}){WAIT}")

            assert answer == 1, plain
            assert await execute(pool, "import os; result = os.getpid()") != liar, plain


@pytest.mark.breadth
async def test_a_worker_that_speaks_unasked_is_ended(tmp_path: Path) -> None:
    """An answer that is sent ahead is not used for the next call."""
    planted = b'{"value": "planted", "calls": 1, "resident_bytes": 1}'
    on_signal = f"signal.signal(signal.SIGUSR1, lambda *_: say({planted!r}))"
    async with rogue_pool(tmp_path) as pool:
        speaker = await execute(pool, f"{SAY}import signal\n{on_signal}\nresult = os.getpid()")

        os.kill(speaker, signal.SIGUSR1)
        await asyncio.to_thread(until, lambda: not Path(f"/proc/{speaker}").exists())

        assert await execute(pool, "result = 'honest'") == "honest"


async def test_files_are_provided_for_outputs_only(tmp_path: Path) -> None:
    """A call has as many files as outputs; they have no names, and one more ends the worker."""
    want = "result = [files.spill(b'x' * 10) for _ in range({count})]"
    async with rogue_pool(tmp_path) as pool:
        assert await execute(pool, want.format(count=3), max_files=3) == [0, 1, 2]
        assert os.listdir(tmp_path) == []  # noqa: PTH208

        with pytest.raises(WorkerDied):
            await execute(pool, want.format(count=4), max_files=3)


async def test_the_file_that_a_worker_reads_cannot_be_written(tmp_path: Path) -> None:
    """The descriptor is open for reading only."""
    original = tmp_path / "original"
    original.write_bytes(b"as it was")
    async with rogue_pool(tmp_path) as pool:
        read = await execute(pool, "result = bytes(files.data).decode()", source=original)

        assert read == "as it was"
        assert await execute(
            pool,
            "try:\n  files.data[0] = 0\nexcept TypeError as error:\n  result = str(error)",
            source=original,
        )
    assert original.read_bytes() == b"as it was"


def rendered(**changes: Any) -> dict[str, Any]:
    """A variant as workers send it."""
    fine = {
        "data": 3, "spilled": None, "format": "png", "width": 1, "height": 1, "frames": 1,
        "bytes": 3, "crc32": 7, "seconds": {"decode": 0.1},
    }  # fmt: skip
    return fine | changes


def probed(**changes: Any) -> dict[str, Any]:
    """An identification as workers send it."""
    fine = {
        "format": "png", "width": 1, "height": 1, "frames": 1, "has_alpha": False,
        "decode_bytes": 9, "decode_seconds": 0.1,
        "exif": {"make": "A", "iso": 100}, "gps": {"latitude": 1.5},
    }  # fmt: skip
    return fine | changes


def analysed(**changes: Any) -> dict[str, Any]:
    """An analysis as workers send it."""
    analysis = {
        "dominant_color": "#ffffff",
        "palette": ["#ffffff"],
        "thumbhash": "AAAA",
        "phash": "0" * 16,
    }
    return {"analysis": analysis | changes, "mezzanine": 2, "outcomes": []}


ODD: tuple[Any, ...] = (-1, 1 << 70, 1.5, "1", None, [], {})
ODD_DURATIONS: tuple[Any, ...] = (-0.1, "1", None, [])
ODD_SECONDS: tuple[Any, ...] = ([], "x", *({"decode": it} for it in ("nan", "inf", None)))
ODD_EXIF: tuple[Any, ...] = (
    None, [], {"a": {"b": 1}}, {"a": "x" * 9999}, {str(n): n for n in range(99)},
)  # fmt: skip
HOSTILE: list[tuple[Call[Any], Any]] = [
    *((RENDER, [rendered(**{name: value})])
      for name in ("data", "width", "height", "frames", "bytes", "crc32")
      for value in (*ODD, True)),
    *((RENDER, [rendered(seconds=value)])
      for value in ODD_SECONDS),
    (RENDER, [rendered(data=4, bytes=4)]),
    (RENDER, [rendered(data=2)]),
    (RENDER, [rendered(format="svg")]),
    (RENDER, [rendered(spilled=1)]),
    (RENDER, [rendered(spilled=-1)]),
    (RENDER, [rendered(spilled=0)]),
    (RENDER, {"0": rendered()}),
    (RENDER, [[]]),
    (RENDER, [{"error": {"code": "not_found", "detail": "", "fields": []}}]),
    (RENDER, [{"error": {"code": "corrupt_image", "detail": "x" * 9999, "fields": []}}]),
    (RENDER, [{"error": {"code": "corrupt_image", "detail": "", "fields": [["a"]]}}]),
    *((PROBE, probed(**{name: value}))
      for name in ("width", "height", "frames", "decode_bytes", "has_alpha")
      for value in ODD),
    *((PROBE, probed(decode_seconds=value))
      for value in ODD_DURATIONS),
    *((PROBE, probed(exif=value))
      for value in ODD_EXIF),
    (PROBE, probed(gps={"latitude": [1]})),
    (PROBE, probed(format="svg")),
    (PROBE, {}),
    (PROBE, None),
    (ANALYSE, analysed(dominant_color="red")),
    (ANALYSE, analysed(dominant_color="#ffffff\n")),
    (ANALYSE, analysed(palette=["#ffffff"] * 99)),
    (ANALYSE, analysed(thumbhash="<script>")),
    (ANALYSE, analysed(phash="0" * 15)),
    (ANALYSE, analysed() | {"mezzanine": 4}),
    (ANALYSE, analysed() | {"mezzanine": -1}),
    (ANALYSE, analysed() | {"outcomes": [rendered()] * 2}),
]  # fmt: skip


def test_honest_replies_are_accepted() -> None:
    """The hostile values are derived from these."""
    body = Answer(memoryview(b"abc"))

    (made,) = RENDER.unpack([rendered()], body)
    assert isinstance(made, Rendered)
    assert made.data == b"abc"
    assert PROBE.unpack(probed(), body).exif == {"make": "A", "iso": 100}
    assert ANALYSE.unpack(analysed(), body).mezzanine == b"ab"


@pytest.mark.parametrize(("call", "plain"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_refused(tmp_path: Path, call: Call[Any], plain: Any) -> None:
    """A value outside its type or range raises the error that the pool detects."""
    with (tmp_path / "spilled").open("w+b") as file:
        answer = Answer(memoryview(b"abc"), [file])
        plain = json.loads(json.dumps(copy.deepcopy(plain)))

        with pytest.raises((LookupError, TypeError, ValueError)):
            call.unpack(plain, answer)


def test_a_file_must_have_its_declared_size(tmp_path: Path) -> None:
    """A file of this size is passed on open."""
    path = tmp_path / "spilled"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        (made,) = RENDER.unpack([rendered(spilled=0, data=None)], Answer(memoryview(b""), [file]))

        assert isinstance(made, Rendered)
        assert made.file is not None
        with made.file:
            assert made.file.read() == b"abc"
        os.truncate(path, 2)
        with pytest.raises(ValueError, match="size of a variant"):
            RENDER.unpack([rendered(spilled=0, data=None)], Answer(memoryview(b""), [file]))
