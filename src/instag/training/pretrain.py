"""Pre-training: from the Clips of several people to a Prior (docs/method.md#two-acts,
#pre-training)."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.errors import AssetMissing, BadArgument
from instag.models.prior import Prior, PriorInfo
from instag.rendering.registry import renderer_for
from instag.runtime.device import device_name, device_named
from instag.speech import registry
from instag.training.distributed import (
    ProcessGroup,
    first_of_machine,
    own_device,
    process_group,
)
from instag.training.input_ranges import code_level, expression_range, speech_level
from instag.training.people import People, Person
from instag.training.person_sampler import PersonSampler
from instag.training.pretrain_inputs import load_people
from instag.training.pretrain_recipes import PretrainRecipe, batched, pretrain_recipe_named
from instag.training.prior_fields import PriorFields
from instag.training.run_dir import OnMetrics, RunDir
from instag.training.stages.pretrain_face import PretrainFaceStage
from instag.training.stages.pretrain_mouth import PretrainMouthStage
from instag.training.stages.stage import Stage
from instag.training.trainer import CancelToken, Preview, StageReport, Trainer, silent_stages
from instag.types import Conditioning
from instag.version import __version__

RUN = ".training"
"""The ending of the folder of a run, beside its output."""
SHARED_SPEECH = ("esperanto", "hubert", "wav2vec2:")
"""Front ends whose speech networks people share unless told otherwise: they have many channels
(docs/method.md#networks)."""


def pretrain(
    clips: Sequence[Clip | Path | str],
    output: Path | str | None = None,
    *,
    recipe: str | PretrainRecipe = "default",
    speech: str = "mel",
    share_speech: bool | None = None,
    together: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    device: str = "auto",
    run_dir: Path | str | None = None,
    report: StageReport = silent_stages,
    on_metrics: OnMetrics | None = None,
    preview: Preview | None = None,
    cancel: CancelToken | None = None,
) -> Prior:
    """Learn universal motion fields from Clips of several people, one each, and write them to
    `output` where it is given.

    Frames that a clip keeps for testing are left out. speech: the front end, as in
    speech.registry.create, or motion for the lip codes that are seen. share_speech: one speech
    network for the personalized fields; None for what suits the front end. together: people a step;
    batch: frames of each (None: the recipe's). device: as in runtime.device.device_named. Under
    torchrun people are spread over its processes, and the first one writes.

    run_dir: where metrics and checkpoints go; None for beside `output`. A stopped run goes on from
    its checkpoints there. report, on_metrics, preview, cancel: see Trainer and MetricsWriter.
    Raises BadArgument, TooShort, TrainingFailed, Cancelled and what Clip and clip_features raise.
    """
    opened = open_clips(clips)
    where = own_device(device_named(device))
    plan = recipe if isinstance(recipe, PretrainRecipe) else pretrain_recipe_named(recipe)
    plan = batched(plan, batch or (plan.gpu_batch if where.type == "cuda" else 1))
    shared = speech.startswith(SHARED_SPEECH) if share_speech is None else share_speech
    with ExitStack() as stack:
        group = stack.enter_context(process_group(where))
        sampler = sampler_for(len(opened), together or plan.together, group, seed)
        folder = (
            folder_for(output, stack.enter_context(tempfile.TemporaryDirectory()))
            if run_dir is None
            else Path(run_dir)
        )
        identity = identity_of(opened, plan, sampler, speech=speech, share_speech=shared)
        running = RunDir(folder, identity, group, on_metrics=on_metrics)
        stack.enter_context(running.alone())
        load_renderer_once(where, group)
        here = load_people(opened, plan, sampler, group, speech=speech, device=where)
        fields = initialize_fields(here, group, sampler, speech=speech, share_speech=shared)
        people = People(
            here=here,
            modules={"fields": fields},
            sampler=sampler,
            group=group,
            renderer=renderer_for(where),
            seed=seed,
        )
        stages = stages_of(people, fields, plan)
        trainer = Trainer(people, stages, running, report=report, preview=preview, cancel=cancel)
        about = {
            "recipe": plan.name,
            "seconds": trainer.run(),
            "batch": plan.face.batch,
            "share_speech": shared,
            "device": device_name(where),
            **extent_of(people),
        }
        prior = prior_of(people, fields, speech, about)
        if output is not None and group.rank == 0:
            prior.save(output)
        group.wait()
        running.finish()
    return prior


def open_clips(clips: Sequence[Clip | Path | str]) -> list[Clip]:
    """Raises BadArgument where there is none, or one of them twice."""
    if not clips:
        raise BadArgument(
            "No clip to learn from. Give one or more: instag pretrain a.clip b.clip -o my.prior"
        )
    opened = [clip if isinstance(clip, Clip) else Clip.open(clip) for clip in clips]
    first: dict[tuple[str, int, int], Clip] = {}
    for clip in opened:
        same = first.setdefault(what_shows(clip), clip)
        if same is not clip:
            raise BadArgument(
                f"{same.folder} and {clip.folder} are the same recording: its person would count "
                "twice. Give one clip of each person."
            )
    return opened


def what_shows(clip: Clip) -> tuple[str, int, int]:
    """Which frames of which video a clip shows."""
    return clip.info.source_sha256, clip.info.first_frame, clip.info.frame_count


def sampler_for(people: int, together: int, group: ProcessGroup, seed: int) -> PersonSampler:
    """At least one person a step for each process. Raises BadArgument where there are too few."""
    if group.world > people:
        raise BadArgument(
            f"{group.world} processes have only {people} clips to share. Start at most {people}: "
            "torchrun --nproc-per-node"
        )
    return PersonSampler(people=people, together=max(group.world, min(together, people)), seed=seed)


def folder_for(output: Path | str | None, temporary: str) -> Path:
    """Where a run writes by itself: beside its output, which it may not have. Raises
    BadArgument."""
    if output is None:
        return Path(temporary)
    folder = Path(output).with_suffix(RUN)
    if folder == Path(output):
        raise BadArgument(
            f"{output} is the folder of the run. Give the prior another name: "
            f"{Path(output).with_suffix('.prior')}"
        )
    return folder


def identity_of(
    clips: list[Clip],
    recipe: PretrainRecipe,
    sampler: PersonSampler,
    *,
    speech: str,
    share_speech: bool,
) -> dict[str, object]:
    """What a run is told from others by."""
    return {
        "recipe": repr(recipe),
        "clips": [clip.digest() for clip in clips],
        "seed": sampler.seed,
        "speech": speech,
        "share_speech": share_speech,
        "together": sampler.together,
        "format": 3,
    }


def load_renderer_once(device: torch.device, group: ProcessGroup) -> None:
    """Loading gsplat may compile its kernels; a second process would delete what the first has half
    built."""
    if first_of_machine():
        renderer_for(device)
    group.wait()


def initialize_fields(
    here: list[Person],
    group: ProcessGroup,
    sampler: PersonSampler,
    *,
    speech: str,
    share_speech: bool,
) -> PriorFields:
    """The fields of all people, the same in all processes; the global generator is left as it
    was."""
    dataset, conditioning = here[0].dataset, conditioning_of(here[0].dataset, speech)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sampler.seed)
        fields = PriorFields(
            people=sampler.people,
            conditioning=conditioning,
            units=dataset.expression_units,
            share_speech=share_speech,
        ).to(dataset.device)
    level_of = code_level if conditioning.kind == "lip_codes" else speech_level
    level, expressions = level_of(here, group), expression_range(here, group)
    fields.set_ranges(level.to(dataset.device), expressions.to(dataset.device))
    return fields


def conditioning_of(dataset: ClipDataset, speech: str) -> Conditioning:
    """What drives fields that learn from a data set with features of this front end."""
    channels, steps = dataset.features.shape[1:]
    return Conditioning(kind=registry.kind_of(speech), channels=channels, steps=steps)


def stages_of(
    people: People, fields: PriorFields, recipe: PretrainRecipe
) -> dict[str, Callable[[], Stage]]:
    """Face, then mouth, each to be made when its turn comes."""
    return {
        "face": lambda: PretrainFaceStage(people, fields, recipe.face),
        "mouth": lambda: PretrainMouthStage(people, fields, recipe.mouth),
    }


def extent_of(people: People) -> dict[str, object]:
    """What a prior says of how much it was learned from."""
    group, sampler = people.group, people.sampler
    return {
        "seed": people.seed,
        "frames": sum(group.gather(sum(len(person.train) for person in people.here))),
        "together": sampler.together,
        "processes": group.world,
    }


def prior_of(people: People, fields: PriorFields, speech: str, about: dict[str, object]) -> Prior:
    """The averages of both universal fields, on the CPU."""
    try:
        hears = registry.identity(speech)
    except AssetMissing:  # its features were put into the clips by hand
        hears = ""
    dataset = people.here[0].dataset
    info = PriorInfo(
        made_by=f"instag {__version__}",
        front_end=speech,
        hears=hears,
        conditioning=conditioning_of(dataset, speech),
        expression_units=dataset.expression_units,
        people=people.sampler.people,
        training=about,
    )
    return Prior(
        info=info, face=fields.face_average.cpu().eval(), mouth=fields.mouth_average.cpu().eval()
    )
