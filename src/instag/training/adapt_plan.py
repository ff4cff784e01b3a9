"""AdaptPlan: what a user's choices for an adaptation come to: the recipe, the front end, the prior
and the frames to learn from."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from instag.data.clip_info import ClipInfo
from instag.data.splits import Split, leaves_a_test, split
from instag.errors import AssetMissing, BadArgument
from instag.models.prior import Prior, load_bundled_prior
from instag.speech import registry
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.training.adapt_recipe import AdaptRecipe, batched, frames_a_step
from instag.training.recipes import WITH_BUNDLED_PRIOR, recipe_named
from instag.types import FPS

NO_PRIOR = "none"
"""In place of a prior: fields that begin afresh, where the bundled prior would be used."""
FRONT_ENDS = {"audio": "mel", "lip_codes": LipCodeFrontEnd.name}
"""The front end of a recipe's conditioning."""


@final
@dataclass(frozen=True, kw_only=True)
class AdaptPlan:
    """prior: what the fields begin with, on the CPU. frames:
    to learn from and to test on. frame_count: of the clip."""

    recipe: AdaptRecipe
    front_end: str
    prior: Prior | None
    frames: Split
    frame_count: int
    seed: int

    @property
    def identity(self) -> dict[str, object]:
        """What a run of it is told from others on the same clip by."""
        return {
            "recipe": repr(self.recipe),
            "train": [self.frames.train.start, self.frames.train.stop],
            "seed": self.seed,
            "speech": self.front_end,
            "prior": None if self.prior is None else self.prior.digest(),
            "format": 4,
        }

    @property
    def unused_frames(self) -> int:
        """Frames of the clip that are neither learned from nor tested."""
        return self.frame_count - len(self.frames.train) - len(self.frames.test)

    @property
    def described_prior(self) -> str | None:
        """What an avatar says of the prior that it began with."""
        if self.prior is None:
            return None
        info = self.prior.info
        return f"{info.made_by}, {info.people} people, {self.prior.digest()[:16]}"


def adapt_plan(
    clip: ClipInfo,
    recipe: str | AdaptRecipe,
    *,
    n_views: int | None,
    seconds: float | None,
    all_for_train: bool,
    speech: str | None,
    prior: Prior | Path | str | None,
    batch: int | None,
    seed: int,
    device: torch.device,
) -> AdaptPlan:
    """speech: a front end that the user names. batch: frames a step; None for what suits recipe and
    device. Raises BadArgument, TooShort, and what opening a prior raises."""
    begun = beginning(recipe, speech=speech, prior=prior)
    chosen = begun.recipe
    frames = split(
        clip.frame_count,
        n_views=views_wanted(chosen, n_views, seconds, frames=clip.frame_count),
        all_for_train=all_for_train,
        kept=clip.test_frames,
    )
    return AdaptPlan(
        recipe=batched(chosen, batch or frames_a_step(chosen, device)),
        front_end=begun.front_end,
        prior=begun.prior,
        frames=frames,
        frame_count=clip.frame_count,
        seed=seed,
    )


@final
@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What no clip decides: the recipe, the front end, and the prior that the fields begin with."""

    recipe: AdaptRecipe
    front_end: str
    prior: Prior | None


def beginning(
    recipe: str | AdaptRecipe, *, speech: str | None, prior: Prior | Path | str | None
) -> Beginning:
    """speech: a front end that the user names. Raises BadArgument, and what opening a prior
    raises."""
    named = isinstance(prior, Path | str)
    fresh = named and str(prior) == NO_PRIOR
    given = (None if fresh else Prior.open(prior)) if named else prior
    chosen = recipe if isinstance(recipe, AdaptRecipe) else recipe_for(recipe, speech, given)
    if fresh:
        chosen = recipe_named(chosen.name) if isinstance(recipe, str) else chosen
    elif given is None and chosen.with_prior:
        given = load_bundled_prior()
    front_end = speech or (
        FRONT_ENDS[chosen.conditioning] if given is None else given.info.front_end
    )
    if given is not None:
        check_front_end(given, front_end)
    return Beginning(recipe=chosen, front_end=front_end, prior=given)


def recipe_for(name: str, speech: str | None, prior: Prior | None) -> AdaptRecipe:
    """The recipe of this name for a given prior, or for the bundled one where it fits. Raises
    BadArgument."""
    fresh = recipe_named(name)
    kind = registry.kind_of(speech or FRONT_ENDS[fresh.conditioning])
    bundled = name in WITH_BUNDLED_PRIOR and kind == "lip_codes"
    return recipe_named(name, with_prior=True) if prior is not None or bundled else fresh


def check_front_end(prior: Prior, front_end: str) -> None:
    """Raises BadArgument where a head with this front end can not begin with the prior."""
    if prior.info.front_end != front_end:
        raise BadArgument(
            f"The prior's front end is {prior.info.front_end!r}, and the head's is to be "
            f"{front_end!r}. Leave out --speech, or use a prior for it."
        )
    try:
        now = registry.identity(front_end)
    except AssetMissing:  # features that were put into the clip by hand
        return
    if prior.info.hears not in ("", now, *registry.SAME_CODES.get(now, ())):
        raise BadArgument(
            f"The prior learned from {prior.info.hears!r}, and the front end here is {now!r}. "
            "Pre-train again, or use another prior."
        )


def views_wanted(
    recipe: AdaptRecipe, n_views: int | None, seconds: float | None, *, frames: int
) -> int | None:
    """Frames to learn from, from whichever way the user says it, or else the recipe's where the
    clip's `frames` leave some to test on. None for all but those held back. Raises BadArgument
    where both are said."""
    check_views(n_views, seconds)
    if seconds is not None:
        n_views = round(seconds * FPS)
    if n_views is not None:
        return None if n_views == -1 else n_views
    usual = recipe.n_views
    return usual if usual is not None and leaves_a_test(frames, usual) else None


def check_views(n_views: int | None, seconds: float | None) -> None:
    """Raises BadArgument where both are said."""
    if n_views is not None and seconds is not None:
        raise BadArgument("Give either --n-views or --seconds, not both: they say the same thing.")
