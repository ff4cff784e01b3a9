"""Which frames teach and which test (docs/method.md#observation): the end of the clip is kept for
testing, `n_views` counts teaching frames."""

from dataclasses import dataclass

from instag.errors import BadArgument, TooShort
from instag.types import FPS

TEST_FRAMES = 300
"""The last 12 s."""
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
    """Teach on the first `n_views` frames (None: all but the test frames), test on the last 12 s,
    or on what the teaching leaves of them.

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
        n_views = frames - TEST_FRAMES if frames >= 2 * TEST_FRAMES else frames * 10 // 11
    n_views = min(n_views, frames)
    start = max(n_views, frames - TEST_FRAMES)
    return Split(
        train=range(n_views),
        test=range(start, frames) if frames - start >= FEWEST_TEST_FRAMES else range(0),
    )
