"""A live session in real time for long: python -m benchmarks.live_endurance me.avatar [SOUND]
[--size 256] [--minutes 30].

In one process, on the studio's own clock: 12 s of speech are pushed every 20 s. Measured, over all
and for each tenth of the time: how much later than its sound a picture is ready (`skew`), what that
changes by from the first tenth to the last (`drift`), how far the sound is from the clock,
pictures a second, those skipped, memory.
"""

import json
import time
from typing import final

import numpy as np
from benchmarks.command_line import add_speech, parser_of
from benchmarks.process_memory import memory_mb
from benchmarks.spoken_sound import sound_or_sample

from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import ready_for_live
from instag.synthesis.live.output import LiveOutput
from instag.synthesis.live.studio import Studio
from instag.types import FPS, SAMPLE_RATE

SAID_S, EVERY_S = 12, 20
PARTS = 10


@final
class Watch(LiveOutput):
    """Keeps when sounds and pictures came, s."""

    def __init__(self, frames: int) -> None:
        self.sounded, self.shown = (np.full(frames, np.nan) for _ in range(2))

    def sound(self, number: int, samples: np.ndarray) -> None:
        if number < len(self.sounded):
            self.sounded[number] = time.monotonic()

    def picture(self, number: int, picture: np.ndarray) -> None:
        if number < len(self.shown):
            self.shown[number] = time.monotonic()


def percentiles(values: np.ndarray) -> dict[str, float]:
    """Of ms, those that are there."""
    known = values[np.isfinite(values)]
    return {f"p{at}": round(float(np.percentile(known, at)), 1) for at in (50, 95, 99)}


def summary(watch: Watch, memory: list[float]) -> dict[str, object]:
    """What `Watch` saw. Of the clock the median of each part counts: one late tick is no drift."""
    skew = 1e3 * (watch.shown - watch.sounded)
    clock = 1e3 * (watch.sounded - np.arange(len(skew)) / FPS)
    shown = np.sort(watch.shown[np.isfinite(watch.shown)])
    parts = [np.nanmedian(part) for part in np.array_split(skew, PARTS)]
    clocks = [np.nanmedian(part) for part in np.array_split(clock, PARTS)]
    return {
        "frames": len(skew),
        "pictures_a_second": round((len(shown) - 1) / (shown[-1] - shown[0]), 2),
        "skipped": int(np.isnan(skew).sum()),
        "interval_ms": percentiles(1e3 * np.diff(shown)),
        "skew_ms": percentiles(skew),
        "skew_ms_of_parts": [round(float(part), 1) for part in parts],
        "drift_ms": round(float(parts[-1] - parts[0]), 2),
        "clock_ms_of_parts": [round(float(part - clocks[0]), 2) for part in clocks],
        "memory_mb": [round(each, 1) for each in memory],
    }


def main() -> None:
    parser = parser_of(__doc__)
    add_speech(parser)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    ready_for_live()
    keep_freed_memory()
    sound = sound_or_sample(given.sound)
    said = np.take(sound, np.arange(SAID_S * SAMPLE_RATE), mode="wrap")
    watch, memory = Watch(round(60 * given.minutes * FPS)), [memory_mb()]
    with Studio() as studio:
        session = studio.open(scaled(Avatar.open(given.avatar), given.size))
        session.attach(watch)
        began, pushed, noted = time.monotonic(), 0, 0
        while session.number < len(watch.shown):
            spent = time.monotonic() - began
            if spent >= pushed * EVERY_S:
                session.push_audio(said)
                session.end_of_audio()
                pushed += 1
            if spent >= noted * 6 * given.minutes:
                memory.append(memory_mb())
                noted += 1
            time.sleep(0.05)
        memory.append(memory_mb())
    print(json.dumps(summary(watch, memory), indent=1), flush=True)


if __name__ == "__main__":
    main()
