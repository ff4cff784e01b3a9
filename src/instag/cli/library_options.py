"""How `prepare`, `adapt`, `pretrain`, `create` and `speak` do their work, as options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from instag.errors import BadArgument
from instag.options import MACHINE, check_limits, option

DEVICE = "Where to compute: cpu, cuda, or cuda:1 for a second GPU; auto takes a GPU if it can."


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


@final
@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a head is learned."""

    recipe: Literal["draft", "few", "long", "reference"] = option(
        "few",
        "draft: in minutes, 256x256. few: from seconds of video. long: from a minute or more. "
        "reference: as the paper trains.",
    )
    n_views: int | None = option(
        None, "How many frames to learn from: 125 are 5 seconds, -1 all but the test's."
    )
    seconds: float | None = option(None, "The same in seconds.", minimum=0.04)
    long: bool = option(
        False, "Learn from all frames but the last 12 s, with the recipe for long videos."
    )
    all_for_train: bool = option(False, "Hold no frames back for testing.")
    speech: str | None = option(
        None,
        "What drives the head: motion (the lips' motion that a voice asks for), or a front end as "
        "in `prepare`. If not given, the recipe's.",
        metavar="NAME",
    )
    prior: Path | None = option(
        None, "What others' faces do: a file of `pretrain` or `import-prior`, or bundled."
    )
    batch: int | None = option(
        None, "Frames a step; if not given, 1 on a CPU, 8 on a GPU, 1 for `reference`.", minimum=1
    )
    seed: int = option(0, "Seed of all random choices.", group=MACHINE)
    device: str = option("auto", DEVICE, metavar="NAME", group=MACHINE)

    def __post_init__(self) -> None:
        check_limits(self)

    @property
    def features(self) -> str:
        """The speech features that the clip keeps for it; lip codes are computed anew for each
        head."""
        return "mel" if self.speech in (None, "motion") else self.speech


@final
@dataclass(frozen=True, kw_only=True)
class PretrainingOptions:
    """How a prior is learned."""

    recipe: Literal["draft", "usual", "reference"] = option(
        "usual", "draft: 256x256 and short. usual: the default. reference: as the paper trains."
    )
    speech: str = option("mel", "The speech front end, as in `prepare`.", metavar="NAME")
    share_speech: bool | None = option(
        None,
        "One speech network for all personalized fields; on for esperanto and hubert.",
        flag="--share-speech/--no-share-speech",
    )
    together: int | None = option(None, "People in a step.", minimum=1)
    batch: int | None = option(None, "Frames of each in a step.", minimum=1)
    seed: int = option(0, "Seed of all random choices.", group=MACHINE)
    device: str = option("auto", DEVICE, metavar="NAME", group=MACHINE)

    def __post_init__(self) -> None:
        check_limits(self)

    def settings(self) -> dict[str, Any]:
        """As `instag.pretrain` takes them."""
        own = dict(vars(self))
        return {"course": own.pop("recipe"), **own}


@final
@dataclass(frozen=True, kw_only=True)
class SpeakOptions:
    """How an avatar speaks."""

    pose: Literal["train", "still"] = option(
        "train", "Move the head as in training, or hold it still."
    )
    expression: Literal["train", "still"] = option(
        "train", "Move brows and eyelids as in training, or hold them still."
    )
    blinks: bool = option(
        True, "Blink now and then, if the learned video has too few blinks and shows closed eyes."
    )
    dilate: bool = option(
        False, "Widen the inside of the mouth by 6 pixels, against gaps at the lips."
    )
