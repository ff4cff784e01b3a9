"""The original's pre-training checkpoints, read as a Prior (docs/method.md#networks).

Each is a tuple of a state dict, the optimiser's and a step. A grid's levels lie one after the
other, each padded to a multiple of eight entries, the first coordinate varying fastest; the
networks' tensors have the shapes of ours under other names.
"""

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

from instag.errors import BadArgument, FileMissing, NotAnArtefact
from instag.models.archive import AUDIO_STEPS
from instag.models.face_field import universal_face_field
from instag.models.mouth_field import MouthField
from instag.models.prior import Prior, PriorInfo
from instag.models.triplane import TriPlane
from instag.types import Conditioning
from instag.version import __version__

PLANES = ("encoder_xy", "encoder_yz", "encoder_xz")
PADDING = 8
"""The entries of a level are made up to a multiple of this."""
SPEECH = (
    (r"audio_net\.encoder_conv\.", "speech.convolutions."),
    (r"audio_net\.encoder_fc1\.", "speech.projection."),
    (r"audio_att_net\.attentionConvNet\.", "speech.scores."),
    (r"audio_att_net\.attentionNet\.0\.", "speech.weights."),
)
"""How their names begin, and ours."""
NETWORKS = {
    "sigma_net": "motion",
    "aud_ch_att_net": "speech_gate",
    "eye_att_net": "expression_gate",
    "exp_encode_net": "expression",
    "scaler_net": "strength",
}
"""Their perceptrons, whose layer i is our 2 i: we count the ReLU between."""
OURS_ALONE = ("speech.level", "expression_range")
"""What the original does not have: it takes features and expressions as they are."""


def import_prior(face: Path | str, mouth: Path | str, *, front_end: str) -> Prior:
    """The Prior of two of the original's files, chkpnt_ema_face_latest.pth and
    chkpnt_ema_mouth_latest.pth, which hear `front_end`.

    Nothing in the files is run. Raises FileMissing, NotAnArtefact, and BadArgument where the two,
    or they and the front end, do not belong together.
    """
    states = [read_state(Path(path)) for path in (face, mouth)]
    channels = [
        channels_of(state, Path(path)) for state, path in zip(states, (face, mouth), strict=True)
    ]
    if channels[0] != channels[1]:
        raise BadArgument(
            f"{face} hears speech of {channels[0]} channels, and {mouth} of {channels[1]}: they "
            "are not of one pre-training."
        )
    known = {"deepspeech": 29, "esperanto": 44, "hubert": 1024, "mel": 80}.get(front_end)
    if known is not None and known != channels[0]:
        raise BadArgument(
            f"{face} hears speech of {channels[0]} channels, and {front_end} has {known}. Give the "
            "front end that it was trained with: --speech"
        )
    conditioning = Conditioning(kind="audio", channels=channels[0], steps=AUDIO_STEPS)
    fields = universal_face_field(conditioning), MouthField(conditioning)
    for field, state, path in zip(fields, states, (face, mouth), strict=True):
        renamed = renamed_state(state, field.encoding, Path(path))
        wanted = {
            name: value.shape
            for name, value in field.state_dict().items()
            if name not in OURS_ALONE
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
    info = PriorInfo(
        made_by=f"instag {__version__}",
        front_end=front_end,
        hears="",
        conditioning=conditioning,
        people=0,
        training={"imported": [Path(face).name, Path(mouth).name]},
    )
    return Prior(
        info=info,
        face=fields[0].requires_grad_(False).eval(),
        mouth=fields[1].requires_grad_(False).eval(),
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint. Raises FileMissing, NotAnArtefact."""
    if not path.is_file():
        raise FileMissing(
            f"There is no file {path}. Give the original's chkpnt_ema_face_latest.pth and "
            "chkpnt_ema_mouth_latest.pth."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise NotAnArtefact(
            f"{path} cannot be read as numbers alone ({type(error).__name__}). Download it again; "
            "nothing in it was run."
        ) from error
    state = content[0] if isinstance(content, tuple | list) and content else content
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise NotAnArtefact(
            f"{path} is not one of the original's checkpoints: it does not begin with a state "
            "dict. Give its chkpnt_ema_*_latest.pth."
        )
    return state


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
    """Their tensors by our names; what we do not have is left out. Raises NotAnArtefact."""
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
    """A plane's levels without what fills each up to a multiple of PADDING. Raises
    NotAnArtefact."""
    padded = [-(-size * size // PADDING) * PADDING for size in sizes]
    if len(entries) != sum(padded):
        raise NotAnArtefact(
            f"{path} has grids of {len(entries)} entries, not {sum(padded)}: it is of another "
            "resolution, or face and mouth are swapped."
        )
    return torch.cat(
        [level[: size * size] for level, size in zip(entries.split(padded), sizes, strict=True)]
    )
