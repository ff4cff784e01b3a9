"""Adaptation: from a Clip to an Avatar, in three stages (docs/method.md#two-acts, #adaptation)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from instag.data.clip import Clip
from instag.models.avatar import Avatar
from instag.models.baked_cache import with_baked_head
from instag.models.prior import Prior
from instag.models.seen_cache import with_seen_gaussians
from instag.rendering.registry import renderer_for
from instag.runtime.device import device_named
from instag.runtime.untrusted import refuse_link
from instag.training.adapt_inputs import AdaptInputs, load_inputs
from instag.training.adapt_plan import AdaptPlan, adapt_plan
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.head_start import head_training
from instag.training.metrics_writer import OnMetrics
from instag.training.run_dir import RunDir
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_fuse import FuseStage
from instag.training.stages.adapt_mouth import MouthStage
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.supervision.head_landmarks import landmark_sampler
from instag.training.trained_avatar import account_of, avatar_of, encoded_torsos
from instag.training.trainer import CancelToken, Preview, StageReport, Trainer, silent_stages


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
    folder = run_folder(clip, output, plan) if run_dir is None else Path(run_dir)
    running = RunDir(folder, plan.identity | {"clip": clip.digest()}, on_metrics=on_metrics)
    with running.alone():
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
        account = account_of(plan, inputs, spent)
        avatar = avatar_of(training, inputs, plan.recipe, account, torso_files.result())
        # A GPU paints with the fields; a CPU that gets this avatar bakes it on first use.
        avatar = with_seen_gaussians(with_baked_head(avatar)) if where.type == "cpu" else avatar
        if output is not None:
            avatar.save(Path(output))
        running.finish()
    return avatar


def run_folder(clip: Clip, output: Path | str | None, plan: AdaptPlan) -> Path:
    """Where a run writes that has no folder of its own. Raises NotAnArtefact where that is a link
    out of the clip."""
    stem = plan.recipe.name if output is None else Path(output).stem
    folder = clip.folder / "training" / stem
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
