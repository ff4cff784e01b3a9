"""The choices that somebody has who lets a head or a prior be learned."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from instag.options import MACHINE, check_limits, option

DEVICE = "Where to compute: cpu, cuda, or cuda:1 for a second GPU; auto takes a GPU if it can."


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
        None,
        "How many frames to learn from, at the start: 125 are 5 seconds. If not given, or -1, all "
        "but those held back for testing: a fifth, at least 1 s and at most 12 s; `reference` "
        "takes 250.",
    )
    seconds: float | None = option(None, "The same in seconds.", minimum=0.04)
    long: bool = option(False, "The same as --recipe long.")
    all_for_train: bool = option(False, "Hold no frames back for testing.")
    speech: str | None = option(
        None,
        "What drives the head: motion (the lips' motion that a voice asks for), or a front end as "
        "in `prepare`. If not given, the recipe's.",
        metavar="NAME",
    )
    prior: Path | None = option(
        None, "What others' faces do: a file of `pretrain` or `import-prior`; bundled or none."
    )
    batch: int | None = option(
        None, "Frames a step; if not given, 4 on a CPU, 16 on a GPU, 1 for `reference`.", minimum=1
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

    recipe: Literal["draft", "default", "reference"] = option(
        "default", "draft: 256x256 and short. default: at full length. reference: as the paper."
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
