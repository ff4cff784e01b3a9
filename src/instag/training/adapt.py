"""Adaptation: from a Clip to an Avatar, in three stages (docs/method.md#two-acts, #adaptation)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn

from instag.data.clip import Clip
from instag.errors import BadArgument
from instag.models.avatar import MOST_DRIVE_FRAMES, Avatar, AvatarInfo, encode_torso
from instag.models.baked_cache import with_baked_head
from instag.models.head import Head, new_head
from instag.models.prior import Prior
from instag.models.seen_cache import with_seen_gaussians
from instag.ops.perceptual import load_perceptual_distance
from instag.rendering.registry import renderer_for
from instag.rendering.renderer import Renderer
from instag.runtime.device import device_name, device_named
from instag.runtime.untrusted import refuse_link
from instag.training.adapt_inputs import AdaptInputs, load_inputs
from instag.training.adapt_plan import AdaptPlan, adapt_plan
from instag.training.distributed import ProcessGroup
from instag.training.expression_inputs import seen_and_taught
from instag.training.initialization import initial_gaussians
from instag.training.people import People, Person
from instag.training.person_sampler import PersonSampler
from instag.training.recipes import AdaptRecipe
from instag.training.run_dir import OnMetrics, RunDir
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_fuse import FuseStage
from instag.training.stages.adapt_mouth import MouthStage
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.supervision.head_landmarks import landmark_sampler
from instag.training.trainer import CancelToken, Preview, StageReport, Trainer, silent_stages
from instag.types import FPS
from instag.version import __version__


def adapt(
    clip: Clip | Path | str,
    output: Path | str | None = None,
    *,
    recipe: str | AdaptRecipe = "few",
    n_views: int | None = None,
    seconds: float | None = None,
    long: bool = False,
    all_for_train: bool = False,
    seed: int = 0,
    speech: str | None = None,
    prior: Prior | Path | str | None = None,
    device: str = "auto",
    batch: int | None = None,
    run_dir: Path | str | None = None,
    report: StageReport = silent_stages,
    on_plan: Callable[[AdaptPlan], None] | None = None,
    on_metrics: OnMetrics | None = None,
    preview: Preview | None = None,
    cancel: CancelToken | None = None,
) -> Avatar:
    """Learn a head from a Clip and write it to `output` where one is given.

    n_views or seconds: how much of the clip's start to learn from (25 views a second). Where
    neither is given, or -1, all but the frames held back for testing; `reference` takes 250. long:
    the recipe for a minute or more. all_for_train: keep nothing for testing. speech: the head's
    front end, as in speech.registry.create; None for the recipe's, or the prior's. prior: what
    several people taught, which the fields begin with, or its file; "bundled" for the one that
    comes with instag, which `draft` and `few` begin with where they get lip codes and nothing is
    given; "none" for fields that begin afresh. device: as in runtime.device.device_named. batch:
    frames a step, None for what suits recipe and device.

    run_dir: where metrics and checkpoints go; None for the clip's own folder. A stopped run goes on
    from its checkpoint there. on_plan: called with what will be learned from, before anything is.
    report, on_metrics, preview, cancel: see Trainer and MetricsWriter. Raises BadArgument,
    TooShort, TrainingFailed, Cancelled and what Clip and clip_features raise.
    """
    clip = clip if isinstance(clip, Clip) else Clip.open(clip)
    where = device_named(device)
    plan = adapt_plan(
        clip.info,
        "long" if long else recipe,
        n_views=n_views,
        seconds=seconds,
        all_for_train=all_for_train,
        speech=speech,
        prior=prior,
        batch=batch,
        seed=seed,
        device=where,
    )
    if on_plan is not None:
        on_plan(plan)
    stem = Path(output).stem if output is not None else plan.recipe.name
    folder = run_folder(clip.folder, stem) if run_dir is None else Path(run_dir)
    running = RunDir(folder, plan.identity, on_metrics=on_metrics)
    inputs = load_inputs(clip, plan.recipe, plan.frames, front_end=plan.front_end, device=where)
    inputs.dataset.read_ahead(inputs.pictured)
    begun = None if plan.prior is None else plan.prior.to(where)
    training = head_training(inputs, plan.recipe, begun, renderer_for(where), seed)
    stages = stages_of(training, inputs, plan.recipe, begun)
    trainer = Trainer(
        training.people, stages, running, report=report, preview=preview, cancel=cancel
    )
    with ThreadPoolExecutor(1) as beside:
        torso_files = beside.submit(encoded_torsos, training)
        spent = trainer.run()
    about = {
        "seed": seed,
        "seconds": spent,
        "train": [plan.frames.train.start, plan.frames.train.stop],
        "pictures": len(inputs.pictured),
        "test": [plan.frames.test.start, plan.frames.test.stop],
        "lpips": False,
        "perceptual": _weighs_perception(plan.recipe),
        "batch": plan.recipe.face.batch,
        "device": device_name(where),
        "prior": plan.described_prior,
    }
    avatar = avatar_of(training, inputs, plan.recipe, about, torso_files.result())
    # A GPU paints with the fields; a CPU that gets this avatar bakes it on first use.
    avatar = with_seen_gaussians(with_baked_head(avatar)) if where.type == "cpu" else avatar
    if output is not None:
        avatar.save(Path(output))
    running.finish()
    return avatar


def run_folder(clip: Path, stem: str) -> Path:
    """Where a run writes that has no folder of its own. Raises NotAnArtefact where that is a link
    out of the clip."""
    folder = clip / "training" / stem
    for part in (folder.parent, folder):
        refuse_link(part)
    return folder


def stages_of(
    training: HeadTraining, inputs: AdaptInputs, recipe: AdaptRecipe, prior: Prior | None
) -> dict[str, Callable[[], AdaptStage]]:
    """The stages in their order, each made when its turn comes. prior: what the fields began with,
    on the device."""
    return {
        "face": lambda: FaceStage(
            training, recipe.face, landmark_sampler(training, inputs, recipe.face, prior)
        ),
        "mouth": lambda: MouthStage(training, recipe.mouth),
        "fuse": lambda: FuseStage(training, recipe.fuse),
    }


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


def _weighs_perception(recipe: AdaptRecipe) -> bool:
    return recipe.face.perceptual.weight + recipe.fuse.perceptual.weight > 0


def driving_frames(person: Person) -> Int[Tensor, " f"]:
    """The first frames that a head learned from, whose poses, expressions and torso go with it; on
    the device."""
    return person.frames[:MOST_DRIVE_FRAMES]


def encoded_torsos(training: HeadTraining) -> list[bytes]:
    """The torso of the driving frames, as files."""
    person = training.person
    frames = driving_frames(person).tolist()
    with ThreadPoolExecutor(torch.get_num_threads()) as encoders:
        return list(encoders.map(lambda index: encode_torso(person.dataset.torso(index)), frames))


def avatar_of(
    training: HeadTraining,
    inputs: AdaptInputs,
    recipe: AdaptRecipe,
    about: dict[str, object],
    torso_files: list[bytes],
) -> Avatar:
    """The Avatar of a trained head, with the poses and expressions of the driving frames; on the
    CPU. torso_files: of these."""
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
        training=about,
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
