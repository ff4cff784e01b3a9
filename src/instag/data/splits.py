"""Which frames teach and which test (docs/method.md#observation): the end of the clip is held back
for testing, `n_views` counts teaching frames."""

from dataclasses import dataclass

from instag.errors import BadArgument, TooShort
from instag.observed import FPS

TEST_FRAMES = 300
"""At most the last 12 s are tested."""
TEST_SHARE = 5
"""One frame of so many is held back where nobody chose."""
FEWEST_VIEWS = 2 * FPS
FEWEST_TEST_FRAMES = FPS


@dataclass(frozen=True, kw_only=True)
class Split:
    """Frame numbers of a clip. `test` is empty where too little is left to test on."""

    train: range
    test: range


def split(
    frames: int, *, n_views: int | None, all_for_train: bool = False, kept: int | None = None
) -> Split:
    """Teach on the first `n_views` frames and test on the last 12 s, or on what the teaching leaves
    of them. Without a number, teach on all but those held back (`held_back`).

    kept: frames at the end that a clip keeps for testing (`instag split`); no teaching goes into
    them. Raises BadArgument, and TooShort for less than 2 s.
    """
    if frames < FEWEST_VIEWS:
        raise TooShort(
            f"The clip has {frames} frames ({frames / FPS:.1f} s); a head needs at least "
            f"{FEWEST_VIEWS} (2 s). Use a longer video."
        )
    if n_views is not None and n_views < FEWEST_VIEWS:
        raise BadArgument(
            f"{n_views} frames are too few to learn a head from. Give at least {FEWEST_VIEWS} (2 "
            f"s): --n-views {FEWEST_VIEWS}"
        )
    if all_for_train:
        return Split(train=range(frames), test=range(0))
    if kept is not None:
        if frames - kept < FEWEST_VIEWS:
            raise TooShort(
                f"The clip keeps {kept} of its {frames} frames for testing; at least "
                f"{FEWEST_VIEWS} (2 s) must be left. Keep fewer: instag split CLIP"
            )
        return Split(
            train=range(min(n_views or frames, frames - kept)), test=range(frames - kept, frames)
        )
    if n_views is None:
        n_views = frames - held_back(frames)
    n_views = min(n_views, frames)
    start = max(n_views, frames - TEST_FRAMES)
    return Split(
        train=range(n_views),
        test=range(start, frames) if leaves_a_test(frames, start) else range(0),
    )


def held_back(frames: int) -> int:
    """Frames at the end that are held back where nobody chose: a fifth, at least 1 s and at most
    12 s; none where less than 2 s would be left."""
    wanted = min(max(frames // TEST_SHARE, FEWEST_TEST_FRAMES), TEST_FRAMES)
    return wanted if frames - wanted >= FEWEST_VIEWS else 0


def leaves_a_test(frames: int, n_views: int) -> bool:
    """Whether teaching on so many frames leaves enough to test on."""
    return frames - n_views >= FEWEST_TEST_FRAMES
