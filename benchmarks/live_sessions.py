"""Many live sessions on one device, in real time: python -m benchmarks.live_sessions A.avatar
[B.avatar ...] [--sound 16k.wav] [--device cuda] [--size 512] [--same 1 4 16 32]
[--different 4 16 32] [--seconds 4] [--encode].

Every session is spoken to all the time and its pictures are taken. `same`: all show the first
avatar. `different`: each shows another, made of the given files in turn; the device shares nothing
between them. A row: pictures a second of the slowest session, ms from picture to picture over all
sessions, of that the 99th percentile of the worst session, ms of the ear and of a batch's painting,
by how much the clock was late, pictures skipped, processor time, memory, seconds to open a session.

--encode: x264 codes the pictures, each session in a thread of its own, where av is installed.
"""

import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from benchmarks.command_line import parser_of
from benchmarks.machine import described
from benchmarks.spoken_sound import sound_or_sample

from instag.errors import StudioFull
from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.runtime.device import device_named
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import set_threads
from instag.synthesis.live.output import LiveOutput
from instag.synthesis.live.session import LiveSession
from instag.synthesis.live.studio import Studio
from instag.types import FPS, SAMPLE_RATE

SETTLE_S = 1.0
"""Of a row, before it is measured."""
STEP_S = 0.7
"""Seconds between what one session says and the next one does."""


@final
class Taker(LiveOutput):
    """Keeps when pictures came; codes them where it is given a coder."""

    def __init__(self, coder: Callable[[np.ndarray], None] | None) -> None:
        self.times: list[float] = []
        self._coder, self._waiting = coder, deque[np.ndarray](maxlen=1)
        self._there, self._closed = threading.Event(), False
        if coder is not None:
            threading.Thread(target=self._code_on, daemon=True).start()

    def sound(self, number: int, samples: np.ndarray) -> None:
        pass

    def picture(self, number: int, picture: np.ndarray) -> None:
        self.times.append(time.monotonic())
        self._waiting.append(picture)
        self._there.set()

    def closed(self) -> None:
        self._closed = True
        self._there.set()

    def _code_on(self) -> None:
        assert self._coder is not None
        while self._there.wait() and not self._closed:
            self._there.clear()
            while self._waiting:
                self._coder(self._waiting.popleft())


def coder_of(size: int) -> Callable[[np.ndarray], None]:
    """H.264 as for a call: no frame waits for a later one."""
    import av

    context: Any = av.CodecContext.create("libx264", "w")
    context.width = context.height = size
    context.pix_fmt, context.framerate, context.thread_count = "yuv420p", FPS, 1
    context.options = {"preset": "ultrafast", "tune": "zerolatency"}

    def code(picture: np.ndarray) -> None:
        context.encode(av.VideoFrame.from_ndarray(picture, "rgb24"))

    return code


@final
@dataclass(kw_only=True)
class Crowd:
    """Sessions that speak."""

    studio: Studio
    sound: np.ndarray
    encode: bool
    opened: list[tuple[LiveSession, Taker]]

    def open(self, avatar: Avatar) -> None:
        session = self.studio.open(avatar)
        taker = Taker(coder_of(avatar.info.size) if self.encode else None)
        session.attach(taker)
        self.opened.append((session, taker))
        self.speak(len(self.opened) - 1, 60.0)

    def speak(self, place: int, seconds: float) -> None:
        """So many seconds, each session others."""
        start, count = round(place * STEP_S * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
        samples = np.take(self.sound, np.arange(start, start + count), mode="wrap")
        session, _ = self.opened[place]
        session.clear_buffer()
        session.push_audio(samples)

    def close(self) -> None:
        for session, _ in self.opened:
            self.studio.end(session.name)
        self.opened.clear()


def measured(crowd: Crowd, seconds: float) -> dict[str, float]:
    """One row."""
    for place in range(len(crowd.opened)):
        crowd.speak(place, SETTLE_S + seconds + 2)
    time.sleep(SETTLE_S)
    studio = crowd.studio
    for kept in (studio._hear, studio._paint, studio._late):
        kept.clear()
    skipped = sum(session.metrics.skipped for session, _ in crowd.opened)
    began, used = time.monotonic(), time.process_time()
    time.sleep(seconds)
    until, used = time.monotonic(), time.process_time() - used
    times = [
        np.array([at for at in taker.times if began <= at <= until]) for _, taker in crowd.opened
    ]
    gaps = [1e3 * np.diff(each) for each in times]
    together, parts = np.concatenate(gaps), studio.times
    skipped = sum(session.metrics.skipped for session, _ in crowd.opened) - skipped
    if together.size == 0:
        together, gaps = np.array([np.nan]), [np.array([np.nan])]
    return {
        "fps": min(len(each) for each in times) / (until - began),
        "p50": float(np.percentile(together, 50)),
        "p95": float(np.percentile(together, 95)),
        "p99": float(np.percentile(together, 99)),
        "worst p99": max(float(np.percentile(each, 99)) for each in gaps if each.size),
        "ear": parts.hear.p50,
        "ear p99": parts.hear.p99,
        "paint": parts.paint.p50,
        "paint p99": parts.paint.p99,
        "late p99": parts.late.p99,
        "skipped %": 100 * skipped / max(1, skipped + sum(map(len, times))),
        "cores": used / (until - began),
        "host MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "GPU MB": torch.cuda.memory_reserved() / 1e6,
    }


def rows(crowd: Crowd, counts: list[int], avatar_of: Callable[[int], Avatar], kind: str, given):
    """Open more and more sessions and print a row for each number of them."""
    for count in counts:
        if time.monotonic() - given.began > given.limit:
            print(f"{kind}: {count} sessions left out, {given.limit:g} s are over", flush=True)
            break
        opening, before = time.monotonic(), len(crowd.opened)
        try:
            for place in range(before, count):
                crowd.open(avatar_of(place))
        except StudioFull as full:
            print(f"{kind}: {count} sessions: {full}", flush=True)
            break
        opening = (time.monotonic() - opening) / max(1, count - before)
        row = measured(crowd, given.seconds) | {"open s": opening}
        if not given.headed:
            given.headed = True
            print(f"{'':>13}" + "".join(f"{name:>10}" for name in row))
        print(f"{count:>3} {kind:<9}" + "".join(f"{v:>10.2f}" for v in row.values()), flush=True)
    crowd.close()


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("avatars", type=Path, nargs="+")
    parser.add_argument("--sound", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int)
    parser.add_argument("--same", type=int, nargs="*", default=[1, 4, 16, 32])
    parser.add_argument("--different", type=int, nargs="*", default=[4, 16, 32])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--limit", type=float, default=50.0, help="begin no row after so long")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--encode", action="store_true")
    given = parser.parse_args()
    given.began, given.headed = time.monotonic(), False
    device = device_named(given.device)
    threads = set_threads(given.threads or (None if device.type == "cpu" else 1))
    keep_freed_memory()
    files = [Avatar.open(path) for path in given.avatars]
    files = [scaled(each, given.size or each.info.size) for each in files]
    print(
        f"{described(device, threads)}, {files[0].info.size} x {files[0].info.size}, "
        f"{[each.info.splats for each in files]}, ms",
        flush=True,
    )
    with Studio(device=device, most_sessions=max([*given.same, *given.different, 1])) as studio:
        crowd = Crowd(
            studio=studio, sound=sound_or_sample(given.sound), encode=given.encode, opened=[]
        )
        rows(crowd, given.same, lambda place: files[0], "same", given)
        rows(
            crowd,
            given.different,
            lambda place: replace(files[place % len(files)]),
            "different",
            given,
        )
    print(f"{time.monotonic() - given.began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
