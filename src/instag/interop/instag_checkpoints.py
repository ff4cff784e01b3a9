"""The original's pre-training checkpoints, read as a Prior (docs/method.md#networks).

Each is a tuple of a state dict, the optimiser's and a step. A grid's levels lie one after the
other, each padded to a multiple of eight entries, the first coordinate varying fastest; the
networks' tensors have the shapes of ours under other names.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from instag.assets.tensor_files import load_weights_only, named_tensors
from instag.errors import BadArgument, FileMissing, NotAnArtefact
from instag.models.archive import AUDIO_STEPS
from instag.models.face_field import MotionField, universal_face_field
from instag.models.mouth_field import MouthField
from instag.models.prior import Prior, PriorInfo
from instag.models.triplane import TriPlane
from instag.runtime.untrusted import check_tensors, parsing
from instag.types import Conditioning
from instag.version import __version__

PLANES = ("encoder_xy", "encoder_yz", "encoder_xz")
PADDING = 8
"""The entries of a level are padded to a multiple of this."""
SPEECH = (
    (r"audio_net\.encoder_conv\.", "speech.convolutions."),
    (r"audio_net\.encoder_fc1\.", "speech.projection."),
    (r"audio_att_net\.attentionConvNet\.", "speech.scores."),
    (r"audio_att_net\.attentionNet\.0\.", "speech.weights."),
)
"""The beginnings of their names, and ours."""
NETWORKS = {
    "sigma_net": "motion",
    "aud_ch_att_net": "speech_gate",
    "eye_att_net": "expression_gate",
    "exp_encode_net": "expression",
    "scaler_net": "strength",
}
"""Their perceptrons, whose layer i is our 2 i, as we count the ReLUs between."""
CHANNELS = {"deepspeech": 29, "esperanto": 44, "hubert": 1024, "mel": 80}
"""Of the front ends whose number of channels is fixed."""
OURS_ALONE = ("speech.level", "expression_range")
"""Buffers that the original lacks: it does not normalise features or clamp expressions."""


def import_prior(face: Path | str, mouth: Path | str, *, front_end: str) -> Prior:
    """The Prior of two of the original's files, chkpnt_ema_face_latest.pth and
    chkpnt_ema_mouth_latest.pth, which hear `front_end`.

    Nothing in the files is run. Raises FileMissing, NotAnArtefact, and BadArgument where the two,
    or they and the front end, do not belong together.
    """
    face, mouth = Path(face), Path(mouth)
    face_state, mouth_state = read_state(face), read_state(mouth)
    channels = channels_of(face_state, face)
    _check_channels(channels, channels_of(mouth_state, mouth), face, mouth, front_end)
    conditioning = Conditioning(kind="audio", channels=channels, steps=AUDIO_STEPS)
    face_field, mouth_field = universal_face_field(conditioning), MouthField(conditioning)
    _load(face_field, face_state, face)
    _load(mouth_field, mouth_state, mouth)
    info = PriorInfo(
        made_by=f"instag {__version__}",
        front_end=front_end,
        hears="",
        conditioning=conditioning,
        people=0,
        training={"imported": [face.name, mouth.name]},
    )
    return Prior(
        info=info,
        face=face_field.requires_grad_(False).eval(),
        mouth=mouth_field.requires_grad_(False).eval(),
    )


def _check_channels(channels: int, others: int, face: Path, mouth: Path, front_end: str) -> None:
    """Raises BadArgument where the channels of both files and of the front end differ."""
    if channels != others:
        raise BadArgument(
            f"{face} hears speech of {channels} channels, and {mouth} of {others}: they are not of "
            "one pre-training."
        )
    known = CHANNELS.get(front_end, channels)
    if known != channels:
        raise BadArgument(
            f"{face} hears speech of {channels} channels, and {front_end} has {known}. Give the "
            "front end that it was trained with: --speech"
        )


def _load(field: MotionField | MouthField, state: dict[str, Tensor], path: Path) -> None:
    """Fill a field from a checkpoint's state dict. Raises NotAnArtefact."""
    renamed = renamed_state(state, field.encoding, path)
    wanted = {
        name: value.shape for name, value in field.state_dict().items() if name not in OURS_ALONE
    }
    missing = sorted(
        name
        for name, shape in wanted.items()
        if name not in renamed or renamed[name].shape != shape
    )
    if missing:
        raise NotAnArtefact(
            f"{path} is not the original's checkpoint of this part: nothing in it fits our "
            f"{', '.join(missing[:4])}. Are face and mouth swapped?"
        )
    field.load_state_dict({name: renamed[name] for name in wanted}, strict=False)


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint. Raises FileMissing, NotAnArtefact."""
    if not path.is_file():
        raise FileMissing.checkpoint(path)
    remedy = "Download it again; nothing in it was run."
    with parsing(path, "a checkpoint of numbers alone", remedy):
        content = load_weights_only(path)
    state = content[0] if isinstance(content, tuple | list) and content else content
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise NotAnArtefact(
            f"{path} is not one of the original's checkpoints: it does not begin with a state "
            "dict. Give its chkpnt_ema_*_latest.pth."
        )
    with parsing(path, "a checkpoint of the original's", remedy):
        tensors = named_tensors(state)
        check_tensors(tensors)
    return tensors


def channels_of(state: dict[str, Tensor], path: Path) -> int:
    """Channels of the speech that a checkpoint hears. Raises NotAnArtefact."""
    first = state.get("audio_net.encoder_conv.0.weight")
    if first is None or first.dim() != 3:
        raise NotAnArtefact(
            f"{path} has no audio_net.encoder_conv, which reads windows of speech. Checkpoints "
            "that hear AVE cannot be imported."
        )
    return first.shape[1]


def renamed_state(state: dict[str, Tensor], encoding: TriPlane, path: Path) -> dict[str, Tensor]:
    """Their tensors by our names, without those that we lack. Raises NotAnArtefact."""
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        for theirs, ours in SPEECH:
            if re.match(theirs, name):
                found[re.sub(theirs, ours, name)] = value
        layer = re.fullmatch(r"(\w+)\.net\.(\d+)\.weight", name)
        if layer and layer[1] in NETWORKS:
            found[f"{NETWORKS[layer[1]]}.{2 * int(layer[2])}.weight"] = value
    planes = [state.get(f"{plane}.embeddings") for plane in PLANES]
    if any(plane is None for plane in planes):
        raise NotAnArtefact(
            f"{path} is not one of the original's checkpoints: it has no {PLANES[0]}.embeddings. "
            "Give its chkpnt_ema_*_latest.pth."
        )
    found["encoding.entries"] = torch.cat(
        [unpadded(plane.flatten(), encoding.sizes, path) for plane in planes if plane is not None]
    )
    return {name: value.float() for name, value in found.items()}


def unpadded(entries: Tensor, sizes: list[int], path: Path) -> Tensor:
    """A plane's levels without their PADDING. Raises NotAnArtefact."""
    padded = [-(-size * size // PADDING) * PADDING for size in sizes]
    if len(entries) != sum(padded):
        raise NotAnArtefact(
            f"{path} has grids of {len(entries)} entries, not {sum(padded)}: it is of another "
            "resolution, or face and mouth are swapped."
        )
    return torch.cat(
        [level[: size * size] for level, size in zip(entries.split(padded), sizes, strict=True)]
    )
