"""The Avatar of a trained head: with the poses, the expressions and the torso of the first frames
that it learned from, and an account of its training."""

from concurrent.futures import ThreadPoolExecutor

import torch
from jaxtyping import Int
from torch import Tensor

from instag.models.avatar import MOST_DRIVE_FRAMES, Avatar
from instag.models.avatar_info import AvatarInfo
from instag.models.avatar_pictures import encode_torso
from instag.runtime.device import device_name
from instag.training.adapt_inputs import AdaptInputs
from instag.training.adapt_plan import AdaptPlan
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.people import Person
from instag.training.stages.adapt_stage import HeadTraining
from instag.types import FPS
from instag.version import __version__


def avatar_of(
    training: HeadTraining,
    inputs: AdaptInputs,
    recipe: AdaptRecipe,
    account: dict[str, object],
    torso_files: list[bytes],
) -> Avatar:
    """The Avatar of a trained head, with the poses and expressions of the driving frames; on the
    CPU. account: see account_of. torso_files: of these."""
    dataset, head = inputs.dataset, training.head
    frames = driving_frames(training.person)
    info = AvatarInfo(
        made_by=f"instag {__version__}",
        source=dataset.clip.info.source,
        recipe=recipe.name,
        front_end=inputs.front_end,
        conditioning=inputs.conditioning,
        expression_units=dataset.expression_units,
        size=dataset.size,
        focal=dataset.focal,
        fps=FPS,
        degree=recipe.face.degree,
        frames=len(frames),
        splats={"face": len(head.face.gaussians), "mouth": len(head.mouth.gaussians)},
        training=account,
    )
    return Avatar(
        info=info,
        head=head.requires_grad_(False).eval().cpu(),
        viewmats=dataset.viewmats[frames].cpu(),
        expression=dataset.expression[frames].cpu(),
        torso_files=torso_files,
        backdrop=dataset.backdrop,
        speaker_adapter=None if inputs.lips is None else inputs.lips.adapter.state(),
    )


def account_of(plan: AdaptPlan, inputs: AdaptInputs, spent: dict[str, float]) -> dict[str, object]:
    """What an avatar says of how it was learned. spent: seconds of each
    stage."""
    recipe, frames = plan.recipe, plan.frames
    return {
        "seed": plan.seed,
        "seconds": spent,
        "train": [frames.train.start, frames.train.stop],
        "pictures": len(inputs.pictured),
        "test": [frames.test.start, frames.test.stop],
        "perceptual": recipe.face.perceptual.weight + recipe.fuse.perceptual.weight > 0,
        "batch": recipe.face.batch,
        "device": device_name(inputs.dataset.device),
        "prior": plan.described_prior,
    }


def encoded_torsos(training: HeadTraining) -> list[bytes]:
    """The torso of the driving frames, as files."""
    person = training.person
    frames = driving_frames(person).tolist()
    with ThreadPoolExecutor(torch.get_num_threads()) as encoders:
        return list(encoders.map(lambda index: encode_torso(person.dataset.torso(index)), frames))


def driving_frames(person: Person) -> Int[Tensor, " f"]:
    """The first frames that a head learned from, whose poses, expressions and torso go with it; on
    the device."""
    return person.frames[:MOST_DRIVE_FRAMES]
