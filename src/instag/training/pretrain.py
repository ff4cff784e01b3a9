"""Pre-training: from the Clips of several people to a Prior (docs/method.md#two-acts,
#pre-training)."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.batch_loader import SHARE
from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.splits import FEWEST_VIEWS
from instag.errors import AssetMissing, BadArgument, TooShort
from instag.models.conditioning_encoders import LipCodeEncoder
from instag.models.gaussians import Gaussians, gaussians_behind, random_gaussians
from instag.models.prior import Prior, PriorInfo
from instag.motion.landmark_motion import landmark_motion
from instag.rendering.registry import renderer_for
from instag.runtime.device import device_name, device_named, free_memory
from instag.speech import registry
from instag.speech.lips.codes import lip_codes
from instag.speech.lips.network import load_lip_model
from instag.training.adapt import LIP_LANDMARKS, StageReport, extent, silent_stages
from instag.training.distributed import Ranks, first_of_machine, joined, own_device
from instag.training.initialization import seen_gaussians
from instag.training.people import Crew, Fields, Person
from instag.training.person_sampler import Rounds
from instag.training.pretraining.courses import Course, batched, course_named
from instag.training.pretraining.log import Log
from instag.training.pretraining.loop import run
from instag.training.pretraining.work import Work
from instag.training.run_dir import part_named
from instag.training.stages.pretrain_face import FaceWork
from instag.training.stages.pretrain_mouth import MouthWork
from instag.version import __version__

HOST_FRAMES, HOST_FRAMES_BESIDE_GPU = 512 * 2**20, 64 * 2**20
"""Bytes of decoded frames that the host keeps, of all people of a process together; a GPU holds
those that steps are made of itself."""
SHARED_SPEECH = ("esperanto", "hubert", "wav2vec2:")
"""Front ends whose speech networks people share unless told otherwise: they have many channels
(docs/method.md#networks)."""


def pretrain(
    clips: Sequence[Clip | Path | str],
    output: Path | str | None = None,
    *,
    course: str | Course = "usual",
    speech: str = "mel",
    share_speech: bool | None = None,
    together: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    device: str = "auto",
    report: StageReport = silent_stages,
) -> Prior:
    """Learn universal motion fields from Clips of several people, one each, and write them to
    `output` where it is given.

    Frames that a clip keeps for testing are left out. speech: the front end, as in
    speech.front_ends.create, or motion for the motion that is seen. share_speech: one speech
    network for the personalized fields; None for what suits the front end. together: people a step;
    batch: frames of each (None: the course's). device: as in compute.device_named. Under torchrun
    people are spread over its processes, and the first one writes. A killed run goes on from its
    checkpoints, which lie beside `output`. Raises BadArgument, TooShort, TrainingFailed and what
    Clip and clip_features raise.
    """
    if not clips:
        raise BadArgument(
            "No clip to learn from. Give one or more: instag pretrain a.clip b.clip -o my.prior"
        )
    opened = [clip if isinstance(clip, Clip) else Clip.open(clip) for clip in clips]
    where = own_device(device_named(device))
    plan = course if isinstance(course, Course) else course_named(course)
    plan = batched(plan, batch or (plan.gpu_batch if where.type == "cuda" else 1))
    with ExitStack() as stack:
        ranks = stack.enter_context(joined(where))
        if ranks.world > len(opened):
            raise BadArgument(
                f"{ranks.world} processes have only {len(opened)} clips to share. Start at most "
                f"{len(opened)}: torchrun --nproc-per-node"
            )
        rounds = Rounds(
            people=len(opened),
            together=max(ranks.world, min(together or plan.together, len(opened))),
            seed=seed,
        )
        folder = (
            Path(output).with_suffix(".training")
            if output is not None
            else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        shared = speech.startswith(SHARED_SPEECH) if share_speech is None else share_speech
        identity: dict[str, object] = {
            "course": repr(plan),
            "clips": [
                [clip.info.source_sha256, clip.info.delay_ms, clip.info.frame_count]
                for clip in opened
            ],
            "seed": seed,
            "speech": speech,
            "share_speech": shared,
            "together": rounds.together,
            "format": 1,
        }
        log = Log(folder, identity, ranks)
        if first_of_machine():
            renderer_for(
                where
                # gsplat may compile its kernels now; a second process would delete what this one
                # has half built
            )
        ranks.wait()
        crew = crew_of(
            opened, plan, rounds, ranks, speech=speech, share_speech=shared, seed=seed, device=where
        )
        seconds = train_stages(crew, plan, log, report)
        prior = gather(
            crew,
            speech,
            {
                "course": plan.name,
                "seed": seed,
                "seconds": seconds,
                "frames": sum(ranks.gathered(sum(len(person.train) for person in crew.people))),
                "batch": plan.face.batch,
                "together": rounds.together,
                "processes": ranks.world,
                "share_speech": shared,
                "device": device_name(where),
            },
        )
        if output is not None and ranks.rank == 0:
            prior.save(output)
        ranks.wait()
        log.finish()
    return prior


def crew_of(
    clips: list[Clip],
    plan: Course,
    rounds: Rounds,
    ranks: Ranks,
    *,
    speech: str,
    share_speech: bool,
    seed: int,
    device: torch.device,
) -> Crew:
    """The people that this process keeps as they start, and the fields of all."""
    mine = [
        number for number in range(len(clips)) if rounds.rank_of(number, ranks.world) == ranks.rank
    ]
    stores = {}
    memory = (HOST_FRAMES_BESIDE_GPU if device.type == "cuda" else HOST_FRAMES) // len(mine)
    for number in mine:
        heard = codes_seen(clips[number]) if registry.kind_of(speech) == "lip_codes" else None
        stores[number] = ClipDataset(
            clips[number],
            size=plan.size,
            front_end=speech,
            device=device,
            memory=memory,
            heard=heard,
        )
    trains = {number: frames_to_teach(clips[number]) for number in mine}
    frames = sum(len(train) for train in trains.values())
    # What reads ahead takes the place of tables in the host's memory, which is to hold any length
    # of video.
    room = int(SHARE * free_memory(device)) if device.type == "cuda" else HOST_FRAMES
    people = [
        person_of(
            number, stores[number], trains[number], plan, seed, room * len(trains[number]) // frames
        )
        for number in mine
    ]
    store = people[0].store
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fields = Fields(
            people=len(clips),
            conditioning=store.conditioning,
            units=store.expression_units,
            share_speech=share_speech,
        ).to(device)
    level = (
        common_code_level(people, ranks)
        if store.conditioning.kind == "lip_codes"
        else common_level(people, ranks)
    )
    fields.set_level(level.to(device), common_expressions(people, ranks).to(device))
    return Crew(
        fields=fields,
        people=people,
        rounds=rounds,
        ranks=ranks,
        renderer=renderer_for(device),
        seed=seed,
    )


def person_of(
    number: int, store: ClipDataset, train: range, plan: Course, seed: int, room: int
) -> Person:
    """A person with Gaussians as the course starts them."""
    generator = torch.Generator().manual_seed(seed * 1_000 + number)
    face, mouth = (
        (
            seen_gaussians(store, train, plan.face_splats, plan.face.degree, generator),
            gaussians_behind(
                store.identity[list(LIP_LANDMARKS)], plan.mouth_splats, plan.mouth.degree, generator
            ),
        )
        if plan.start == "seen"
        else (
            random_gaussians(plan.face_splats, plan.face.degree, generator),
            random_gaussians(plan.mouth_splats, plan.mouth.degree, generator, mouth=True),
        )
    )
    to: Callable[[Gaussians], Gaussians] = lambda gaussians: gaussians.to(store.device)  # noqa: E731
    return Person(
        number=number,
        face=to(face),
        mouth=to(mouth),
        store=store,
        train=train,
        extent=extent(store, train),
        room=room,
    )


def frames_to_teach(clip: Clip) -> range:
    """All but those that the clip keeps for testing. Raises TooShort."""
    count = len(clip) - (clip.info.test_frames or 0)
    if count < FEWEST_VIEWS:
        raise TooShort(
            f"{clip.folder} has {count} frames to learn from; at least {FEWEST_VIEWS} (2 s) are "
            "needed. Leave it out, or use a longer video."
        )
    return range(count)


def codes_seen(clip: Clip) -> Float[Tensor, "f k 1"]:
    """The motion codes of a clip's landmarks, which fields that hear motion learn from."""
    return lip_codes(
        landmark_motion(clip.track(), (clip.info.width, clip.info.height)), load_lip_model()
    ).code[..., None]


def common_level(people: list[Person], ranks: Ranks) -> Float[Tensor, " 2"]:
    """Mean and deviation of all people's speech features; the same in all processes."""
    mine = []
    for person in people:
        features = person.store.features[person.train.start : person.train.stop].double()
        mine.append(
            (
                person.number,
                [features.numel(), float(features.sum()), float(features.square().sum())],
            )
        )
    every = sorted(part for of_rank in ranks.gathered(mine) for part in of_rank)
    count, total, squares = torch.tensor([sums for _, sums in every], dtype=torch.float64).sum(0)
    mean = total / count
    return torch.stack([mean, (squares / count - mean.square()).clamp_min(1e-6).sqrt()]).float()


def common_code_level(people: list[Person], ranks: Ranks) -> Float[Tensor, "2 k"]:
    """The level of all people's motion codes; the same in all processes."""
    mine = [
        (person.number, person.store.features[person.train.start : person.train.stop].cpu())
        for person in people
    ]
    every = sorted(
        (part for of_rank in ranks.gathered(mine) for part in of_rank), key=lambda part: part[0]
    )
    return LipCodeEncoder.level_of(torch.cat([codes for _, codes in every]))


def common_expressions(people: list[Person], ranks: Ranks) -> Float[Tensor, "2 6"]:
    """Least and greatest of each action unit, of all people; the same in all processes."""
    seen = [
        person.store.expression[person.train.start : person.train.stop].cpu() for person in people
    ]
    every = [
        both
        for of_rank in ranks.gathered([torch.stack([each.amin(0), each.amax(0)]) for each in seen])
        for both in of_rank
    ]
    return torch.stack(
        [
            torch.stack([low for low, _ in every]).amin(0),
            torch.stack([high for _, high in every]).amax(0),
        ]
    )


def train_stages(crew: Crew, plan: Course, log: Log, report: StageReport) -> dict[str, float]:
    """Face, then mouth, or what of them a checkpoint leaves to do. Returns the seconds that each
    took."""
    makers: dict[str, Callable[[], Work]] = {
        "face": lambda: FaceWork(crew, plan.face),
        "mouth": lambda: MouthWork(crew, plan.mouth),
    }
    if log.stage is not None:
        state = log.read()
        crew.load(part_named(state, "shared/"), part_named(state, "own/"))
    spent, names = {}, list(makers)
    for name in names[names.index(log.stage) if log.stage in makers else 0 :]:
        began = time.perf_counter()
        run(makers[name](), log, lambda done, total, name=name: report(name, done, total))
        spent[name] = round(time.perf_counter() - began, 1)
    return spent


def gather(crew: Crew, speech: str, training: dict[str, object]) -> Prior:
    """The averages of both universal fields, on the CPU."""
    try:
        hears = registry.identity(speech)
    except AssetMissing:  # its features were put into the clips by hand
        hears = ""
    info = PriorInfo(
        made_by=f"instag {__version__}",
        front_end=speech,
        hears=hears,
        conditioning=crew.people[0].store.conditioning,
        expression_units=crew.people[0].store.expression_units,
        people=crew.rounds.people,
        training=training,
    )
    return Prior(
        info=info, face=crew.face_average.cpu().eval(), mouth=crew.mouth_average.cpu().eval()
    )
