"""The people of a pre-training, read and computed from their clips before the first step."""

import torch

from instag.data.batch_loader import SHARE
from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.speech_features import clip_features
from instag.data.splits import FEWEST_VIEWS
from instag.errors import TooShort
from instag.motion.landmark_motion import landmark_motion
from instag.runtime.memory import available_memory
from instag.speech.lips.codes import lip_codes
from instag.speech.lips.network import load_lip_model
from instag.speech.registry import kind_of
from instag.training.distributed import ProcessGroup
from instag.training.expression_inputs import expression_inputs
from instag.training.initialization import initial_gaussians
from instag.training.people import Person
from instag.training.person_sampler import PersonSampler
from instag.training.pretrain_recipes import PretrainRecipe

HOST_FRAMES, HOST_FRAMES_BESIDE_GPU = 512 * 2**20, 64 * 2**20
"""Bytes of decoded frames that the host keeps, of all people of a process together; a GPU holds
those that steps are made of itself."""


def load_people(
    clips: list[Clip],
    recipe: PretrainRecipe,
    sampler: PersonSampler,
    group: ProcessGroup,
    *,
    speech: str,
    device: torch.device,
) -> list[Person]:
    """The people that this process keeps, as they start."""
    mine = [
        number for number in range(len(clips)) if sampler.rank_of(number, group.world) == group.rank
    ]
    trains = {number: frames_to_teach(clips[number]) for number in mine}
    frames = sum(len(train) for train in trains.values())
    # What reads ahead takes the place of tables in the host's memory, which is to hold any length
    # of video.
    cuda = device.type == "cuda"
    tables = int(SHARE * available_memory(device)) if cuda else HOST_FRAMES
    memory = (HOST_FRAMES_BESIDE_GPU if cuda else HOST_FRAMES) // len(mine)
    return [
        load_person(
            number,
            clips[number],
            recipe,
            train,
            speech=speech,
            device=device,
            seed=sampler.seed,
            memory=memory,
            table_bytes=tables * len(train) // frames,
        )
        for number, train in trains.items()
    ]


def load_person(
    number: int,
    clip: Clip,
    recipe: PretrainRecipe,
    train: range,
    *,
    speech: str,
    device: torch.device,
    seed: int,
    memory: int,
    table_bytes: int,
) -> Person:
    """A person with Gaussians as the recipe starts them. memory: bytes of frames on the host."""
    tables = clip.tables()
    landmarks = landmark_motion(tables.track, clip.size())
    features = (
        lip_codes(landmarks, load_lip_model()).code[..., None]
        if kind_of(speech) == "lip_codes"
        else clip_features(clip, speech, device=str(device))
    )
    dataset = ClipDataset(
        clip, tables, size=recipe.size, features=features, device=device, memory=memory
    )
    face, mouth = initial_gaussians(
        recipe.start,
        dataset,
        train,
        counts=(recipe.face_splats, recipe.mouth_splats),
        degrees=(recipe.face.degree, recipe.mouth.degree),
        generator=torch.Generator().manual_seed(seed * 1_000 + number),
    )
    return Person(
        number=number,
        face=face.to(device),
        mouth=mouth.to(device),
        dataset=dataset,
        train=train,
        pictured=train,
        landmarks=landmarks.to(device),
        expressions=expression_inputs(tables, dataset, train, landmarks)
        if recipe.face.expressions
        else None,
        extent=dataset.extent(train),
        table_bytes=table_bytes,
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
