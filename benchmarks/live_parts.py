"""What a live frame costs and what a long session keeps: python -m benchmarks.live_parts me.avatar
[SOUND] [--sizes 256 512] [--minutes 1].

- CPU time of one thread for the ear; of the process, all its threads, for painting.
- The lag of the shown mouth behind a microphone that is part of the method: pieces of 20 ms are
  pushed and frames planned at their times on a clock of their own, on which nothing takes time.
- Memory of a second session, and of so many minutes of one, a third of them speech, of which each
  10th picture is painted; whether all sound that was pushed came out in its place.

Without a clock: frames are planned and painted one after the other as fast as the machine does it.
"""

import json
import statistics
import time
from typing import final

import numpy as np
from benchmarks.command_line import add_speech, parser_of
from benchmarks.mouth_lag import mouth_lag_s
from benchmarks.process_memory import memory_mb
from benchmarks.spoken_sound import sound_or_sample

from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import ready_for_live
from instag.synthesis.live.output import LiveOutput
from instag.synthesis.live.studio import Studio
from instag.types import FPS, SAMPLE_RATE, SAMPLES

PAINTED = 10
"""Of so many frames of the long session one is painted."""


@final
class Listener(LiveOutput):
    """Compares what comes out with what was pushed."""

    def __init__(self) -> None:
        self.expected: dict[int, np.ndarray] = {}
        self.wrong = self.frames = self.pictures = 0

    def sound(self, number: int, samples: np.ndarray) -> None:
        self.frames += 1
        expected = self.expected.pop(number, None)
        self.wrong += not np.array_equal(samples, 0 if expected is None else expected) and (
            expected is not None or bool(samples.any())
        )

    def picture(self, number: int, picture: np.ndarray) -> None:
        self.pictures += 1


@final
class Shown(LiveOutput):
    """Keeps grey pictures with the time on a clock that a benchmark sets."""

    def __init__(self) -> None:
        self.now_s, self.pictures = 0.0, []

    def sound(self, number: int, samples: np.ndarray) -> None:
        pass

    def picture(self, number: int, picture: np.ndarray) -> None:
        self.pictures.append((self.now_s, picture.mean(2)))


def costs(avatar: Avatar, sound: np.ndarray, frames: int = 100) -> dict[str, float]:
    """Median CPU ms of a frame's ear and of its picture."""
    with_studio = Studio()
    session = with_studio.open(avatar)
    session.attach(Listener())
    session.push_audio(sound[: frames * SAMPLES])
    session.end_of_audio()
    hear, paint, walls = [], [], []
    for _ in range(frames):
        began, wall = time.thread_time(), time.monotonic()
        with_studio.plan_frame()
        hear.append(time.thread_time() - began)
        began = time.process_time()
        with_studio.paint_planned()
        paint.append(time.process_time() - began)
        walls.append(time.monotonic() - wall)
    with_studio.close()
    return {
        "ear_cpu_ms": 1e3 * statistics.median(hear),
        "paint_cpu_ms": 1e3 * statistics.median(paint),
        "both_wall_ms": 1e3 * statistics.median(walls),
    }


def method_lag_ms(avatar: Avatar, sound: np.ndarray, phase: int) -> dict[str, float]:
    """phase: ms by which the clock's ticks come after every second piece of the microphone."""
    studio, shown = Studio(), Shown()
    session = studio.open(avatar)
    session.attach(shown)
    pieces = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    for number, piece in enumerate(pieces):
        session.push_microphone(piece)  # whose last sample is at 20 (number + 1) ms
        if number % 2:
            shown.now_s = (20 * (number + 1) + phase) / 1e3
            studio.plan_frame()
            studio.paint_planned()
    studio.close()
    late, fit = mouth_lag_s(avatar, shown.pictures, sound)
    return {"phase_ms": phase, "mouth_lag_ms": round(1e3 * late), "correlation": round(fit, 3)}


def long_session(avatar: Avatar, sound: np.ndarray, minutes: float) -> dict[str, object]:
    """Speech of 20 s, then 40 s of nothing, again and again."""
    studio, listener = Studio(), Listener()
    session = studio.open(avatar)
    session.attach(listener)
    said = sound[: len(sound) // SAMPLES * SAMPLES][: 20 * SAMPLE_RATE]
    memory, frames = [], round(60 * minutes * FPS)
    for number in range(frames):
        if number % (60 * FPS) == 0 and frames - number > len(said) // SAMPLES:
            session.push_audio(said)
            session.end_of_audio()
            pieces = said.reshape(-1, SAMPLES)
            listener.expected |= {number + place: piece for place, piece in enumerate(pieces)}
        studio.plan_frame()
        if number % PAINTED == 0:
            studio.paint_planned()
        if number in (frames // 10, frames - 1):
            memory.append(memory_mb())
    studio.close()
    return {
        "minutes": minutes,
        "frames": listener.frames,
        "frames_with_wrong_sound": listener.wrong,
        "memory_mb_at_a_tenth": round(memory[0], 1),
        "memory_mb_at_the_end": round(memory[1], 1),
    }


def session_memory_mb(avatar: Avatar, sound: np.ndarray) -> float:
    """What a second session of an avatar takes."""
    studio = Studio()
    both, sizes = [studio.open(avatar) for _ in range(2)], []
    for session in both:
        session.attach(Listener())
        session.push_audio(sound[: 3 * SAMPLE_RATE])
        for _ in range(75):
            studio.plan_frame()
            studio.paint_planned()
        sizes.append(memory_mb())
    studio.close()
    return sizes[1] - sizes[0]


def main() -> None:
    parser = parser_of(__doc__)
    add_speech(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--minutes", type=float, default=1.0)
    given = parser.parse_args()
    ready_for_live()
    keep_freed_memory()
    sound = sound_or_sample(given.sound)
    avatar = Avatar.open(given.avatar)
    for size in given.sizes:
        of_size = scaled(avatar, size)
        print(json.dumps({"size": size} | costs(of_size, sound)), flush=True)
    smallest = scaled(avatar, min(given.sizes))
    print(json.dumps(method_lag_ms(smallest, sound[: 16 * SAMPLE_RATE], 0)), flush=True)
    more = session_memory_mb(smallest, sound)
    print(json.dumps({"second_session_mb": round(more, 1)}), flush=True)
    print(json.dumps(long_session(smallest, sound, given.minutes)), flush=True)


if __name__ == "__main__":
    main()
