"""The options that commands share: their names, help texts and how their words become values."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, final

import typer

from instag.speech.registry import choices


class Recipe(StrEnum):
    """How much work goes into a head."""

    DRAFT = "draft"
    FEW = "few"
    LONG = "long"
    REFERENCE = "reference"


class Source(StrEnum):
    """Where poses and expressions of a speaking head come from; blinks are apart."""

    TRAIN = "train"
    STILL = "still"


CAPTURE, TRAINING, MACHINE = "CaptureOptions", "TrainingOptions", "Machine and output"

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=MACHINE)
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as one JSON object, and nothing else, on standard output.",
        rich_help_panel=MACHINE,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace an output that exists.", rich_help_panel=MACHINE),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="How many threads to use; all cores if not given.",
        min=1,
        rich_help_panel=MACHINE,
        show_default=False,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="Where to compute: cpu, cuda, or cuda:1 for a second GPU; auto takes a GPU if it can.",
        metavar="NAME",
        rich_help_panel=MACHINE,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        help="Frames a step; not given: 1 on a CPU, 8 on a GPU, 1 for `reference`.",
        min=1,
        rich_help_panel=TRAINING,
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.", rich_help_panel=MACHINE)]

Delay = Annotated[
    int | None,
    typer.Option(
        help=(
            "Milliseconds by which the sound lags behind the lips; if not given, found "
            "where lips and voice tell it surely."
        ),
        rich_help_panel=CAPTURE,
        show_default=False,
    ),
]
Size = Annotated[
    int,
    typer.Option(
        help="Width and height of the observed square in pixels.",
        min=64,
        max=1024,
        rich_help_panel=CAPTURE,
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(
        help=(
            "The square to observe, as x,y,size in pixels of the video; found around the "
            "head if not given."
        ),
        rich_help_panel=CAPTURE,
        show_default=False,
    ),
]

Shot = Annotated[
    int | None,
    typer.Option(
        help=(
            "Which stretch between the video's cuts, from 1; if not given, the one that "
            "shows a face longest."
        ),
        min=1,
        rich_help_panel=CAPTURE,
        show_default=False,
    ),
]

ActionUnits = Annotated[
    str,
    typer.Option(
        "--au",
        metavar="NAME|FILE",
        help="Action units: landmarks, blendshapes, or a CSV of OpenFace's FeatureExtraction.",
        rich_help_panel=CAPTURE,
    ),
]
Parsing = Annotated[
    str,
    typer.Option(
        "--parsing",
        metavar="NAME",
        help="Who tells regions apart: embedded or bisenet.",
        rich_help_panel=CAPTURE,
    ),
]
Teeth = Annotated[
    str,
    typer.Option(
        "--teeth",
        metavar="NAME",
        help="Who finds teeth: embedded or easyportrait.",
        rich_help_panel=CAPTURE,
    ),
]
Hair = Annotated[
    str,
    typer.Option(
        "--hair",
        metavar="NAME",
        help="Who finds hair: embedded or mediapipe.",
        rich_help_panel=CAPTURE,
    ),
]
Arms = Annotated[
    str,
    typer.Option(
        "--arms",
        metavar="NAME",
        help="Who finds arms and hands: embedded or bodypix.",
        rich_help_panel=CAPTURE,
    ),
]
Surface = Annotated[
    str,
    typer.Option(
        "--surface",
        metavar="NAME",
        help="Depth and normals: embedded, sapiens, sapiens-0.6b, -1b or -2b.",
        rich_help_panel=CAPTURE,
    ),
]
Points = Annotated[
    str,
    typer.Option(
        "--points",
        metavar="NAME",
        help="Who finds the 68 landmarks: embedded or fan.",
        rich_help_panel=CAPTURE,
    ),
]
Tracker = Annotated[
    str,
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="Who tracks: embedded or bfm (the Basel face model).",
        rich_help_panel=CAPTURE,
    ),
]

Hearing = Annotated[
    str | None,
    typer.Option(
        "--speech",
        metavar="NAME",
        show_default=False,
        help=(
            "What the head hears: motion (the lips' motion that a voice asks for) or a "
            "front end as in `prepare`. If not given, as the recipe has it."
        ),
    ),
]
Speech = Annotated[
    str,
    typer.Option(
        "--speech",
        metavar="NAME",
        help=f"The speech front end: {choices()}.",
        rich_help_panel=CAPTURE,
    ),
]

Views = Annotated[
    int | None,
    typer.Option(
        "--n-views",
        help="How many frames to learn from: 125 are 5 seconds, -1 all but the test's.",
        rich_help_panel=TRAINING,
    ),
]
Seconds = Annotated[
    float | None, typer.Option(help="The same in seconds.", min=0.04, rich_help_panel=TRAINING)
]
Long = Annotated[
    bool,
    typer.Option(
        "--long",
        help="Learn from all frames but the last 12 s, with the recipe for long videos.",
        rich_help_panel=TRAINING,
    ),
]
AllForTrain = Annotated[
    bool,
    typer.Option(
        "--all-for-train", help="Hold no frames back for testing.", rich_help_panel=TRAINING
    ),
]
WithRecipe = Annotated[
    Recipe,
    typer.Option(
        "--recipe",
        help="draft: in minutes, 256x256. few: as the paper, from seconds of video.",
        rich_help_panel=TRAINING,
    ),
]


Prior = Annotated[
    Path | None,
    typer.Option(
        "--prior",
        help="What others' faces do: a file of `pretrain` or `import-prior`, or bundled.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]


@final
@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """How a video is observed; unfolded into the options of `prepare` and `create`."""

    delay: Delay = None
    crop: Crop = None
    shot: Shot = None
    size: Size = 512
    au: ActionUnits = "landmarks"
    parsing: Parsing = "embedded"
    teeth: Teeth = "embedded"
    hair: Hair = "embedded"
    arms: Arms = "embedded"
    surface: Surface = "embedded"
    points: Points = "embedded"
    tracker: Tracker = "embedded"

    def settings(self) -> dict[str, Any]:
        """As `instag.prepare` takes them. Raises typer.BadParameter."""
        from instag.capture.backends import CaptureBackends

        chosen = {
            name: getattr(self, name)
            for name in ("parsing", "teeth", "hair", "arms", "surface", "points", "tracker")
        }
        observers = CaptureBackends(action_units=self.au, **chosen)
        return {
            "delay_ms": self.delay,
            "size": self.size,
            "crop": parse_crop(self.crop),
            "shot": self.shot,
            "observers": observers,
        }


@final
@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a head is learned; unfolded into the options of `adapt` and `create`."""

    recipe: WithRecipe = Recipe.FEW
    n_views: Views = None
    seconds: Seconds = None
    long: Long = False
    all_for_train: AllForTrain = False
    speech: Hearing = None
    prior: Prior = None
    batch: Batch = None
    seed: Seed = 0
    device: Device = "auto"

    def settings(self) -> dict[str, Any]:
        """As `instag.adapt` takes them."""
        return {**vars(self), "recipe": self.recipe.value}

    @property
    def features(self) -> str:
        """The speech features that the clip keeps for it: motion codes are found anew for each
        head."""
        return "mel" if self.speech in (None, "motion") else self.speech


def parse_crop(text: str | None) -> tuple[float, float, float] | None:
    """x, y, size from "x,y,size". Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        x, y, size = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not of the form x,y,size, for example 120,40,640", param_hint="--crop"
        ) from None
    if size <= 0:
        raise typer.BadParameter(f"the size in {text!r} is not positive", param_hint="--crop")
    return x, y, size
