"""The choices that somebody has who lets a video be observed."""

from dataclasses import dataclass
from typing import Any, final

from instag.errors import BadArgument
from instag.options import check_limits, option


@final
@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """How a video is observed."""

    delay: int | None = option(
        None,
        "Milliseconds by which the sound lags behind the lips; if not given, found where lips and "
        "voice show it clearly.",
    )
    crop: tuple[float, float, float] | None = option(
        None,
        "The square to observe, in pixels of the video; if not given, found around the head.",
        metavar="X,Y,SIZE",
    )
    shot: int | None = option(
        None,
        "Which stretch between the video's cuts, from 1; if not given, the one that shows a face "
        "longest.",
        minimum=1,
    )
    size: int = option(
        512, "Width and height of the observed square in pixels.", minimum=64, maximum=1024
    )
    au: str = option(
        "landmarks",
        "Action units: landmarks, blendshapes, or a CSV of OpenFace's FeatureExtraction.",
        metavar="NAME|FILE",
    )
    parsing: str = option(
        "embedded", "Who tells regions apart: embedded or bisenet.", metavar="NAME"
    )
    teeth: str = option("embedded", "Who finds teeth: embedded or easyportrait.", metavar="NAME")
    hair: str = option("embedded", "Who finds hair: embedded or mediapipe.", metavar="NAME")
    arms: str = option("embedded", "Who finds arms and hands: embedded or bodypix.", metavar="NAME")
    surface: str = option(
        "embedded",
        "Depth and normals: embedded, sapiens, sapiens-0.6b, -1b or -2b.",
        metavar="NAME",
    )
    points: str = option("embedded", "Who finds the 68 landmarks: embedded or fan.", metavar="NAME")
    tracker: str = option(
        "embedded", "Who tracks: embedded or bfm (the Basel face model).", metavar="NAME"
    )

    def __post_init__(self) -> None:
        check_limits(self)
        if self.crop is not None and self.crop[2] <= 0:
            raise BadArgument(f"--crop: the size {self.crop[2]:g} is not positive.")

    def settings(self) -> dict[str, Any]:
        """As `instag.prepare` takes them."""
        from instag.capture.backends import CaptureBackends

        chosen = {
            name: getattr(self, name)
            for name in ("parsing", "teeth", "hair", "arms", "surface", "points", "tracker")
        }
        return {
            "delay_ms": self.delay,
            "size": self.size,
            "crop": self.crop,
            "shot": self.shot,
            "observers": CaptureBackends(action_units=self.au, **chosen),
        }
