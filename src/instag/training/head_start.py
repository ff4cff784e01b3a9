"""The start of a head: as it is before the first step, with the one person that it is learned
from."""

import torch
from torch import nn

from instag.errors import BadArgument
from instag.models.head import Head, new_head
from instag.models.prior import Prior
from instag.ops.perceptual import load_perceptual_distance
from instag.rendering.renderer import Renderer
from instag.training.adapt_inputs import AdaptInputs
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.distributed import ProcessGroup
from instag.training.expression_inputs import seen_and_taught
from instag.training.initialization import initial_gaussians
from instag.training.people import People, Person
from instag.training.person_sampler import PersonSampler
from instag.training.stages.adapt_stage import HeadTraining


def head_training(
    inputs: AdaptInputs, recipe: AdaptRecipe, prior: Prior | None, renderer: Renderer, seed: int
) -> HeadTraining:
    """A head as it starts, with the one person that it is learned from. prior: on the device."""
    head = initialize_head(inputs, recipe, prior, seed)
    dataset, train = inputs.dataset, inputs.split.train
    person = Person(
        face=head.face.gaussians,
        mouth=head.mouth.gaussians,
        dataset=dataset,
        train=train,
        pictured=inputs.pictured,
        landmarks=inputs.landmarks,
        expressions=inputs.expressions,
        extent=dataset.extent(train),
    )
    modules: dict[str, nn.Module] = {
        "face_field": head.face.field,
        "face_aligner": head.face.aligner,
        "mouth_field": head.mouth.field,
        "mouth_aligner": head.mouth.aligner,
    }
    if head.face.pose_shapes is not None:
        modules["pose_shapes"] = head.face.pose_shapes
    people = People(
        here=[person],
        modules=modules,
        sampler=PersonSampler(people=1, together=1, seed=seed),
        group=ProcessGroup(),
        renderer=renderer,
        seed=seed,
    )
    perceptual = load_perceptual_distance().to(dataset.device)
    return HeadTraining(people=people, head=head, perceptual=perceptual)


def initialize_head(
    inputs: AdaptInputs, recipe: AdaptRecipe, prior: Prior | None, seed: int
) -> Head:
    """A head as it starts, on the device. Raises BadArgument where the prior has another number of
    channels than the clip's features."""
    dataset, train = inputs.dataset, inputs.split.train
    if prior is not None and prior.conditioning != inputs.conditioning:
        raise BadArgument(
            f"The prior has {prior.conditioning.channels} channels of {prior.info.front_end!r}, "
            f"and {dataset.clip.folder} has {inputs.conditioning.channels}. They are not of the "
            "same front end: delete the clip's features, or use another prior."
        )
    face, mouth = initial_gaussians(
        recipe.start,
        dataset,
        train,
        counts=(recipe.face_splats, recipe.mouth_splats),
        degrees=(recipe.face.degree, recipe.mouth.degree),
        generator=torch.Generator().manual_seed(seed),
    )
    head = new_head(
        face=face,
        mouth=mouth,
        conditioning=inputs.conditioning,
        units=dataset.expression_units,
        pose_shapes=recipe.face.pose_shapes.weight > 0,
        seed=seed,
    ).to(dataset.device)
    if head.face.pose_shapes is not None:
        viewmats = dataset.viewmats[train.start : train.stop]
        head.face.pose_shapes.observe(dataset.identity.to(dataset.device), viewmats)
    head.set_speech_level(inputs.features)
    head.set_expression_range(seen_and_taught(inputs.seen_expressions, inputs.expressions))
    if prior is not None:
        prior.begin(head)
    return head
