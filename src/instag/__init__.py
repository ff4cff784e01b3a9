"""Personalised 3D talking heads from a few seconds of video.

    avatar = instag.create("me.mp4", "me.avatar")
    instag.speak(avatar, "speech.wav", "out.mp4")

Or step by step:

    clip = instag.prepare("me.mp4", "me.clip")
    avatar = instag.adapt(clip, "me.avatar")  # or with prior=instag.pretrain([...])
    instag.write_report(instag.evaluate(avatar, clip), "report")

Each name is imported when it is first used, so that `import instag` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from instag.version import __version__

# onnxruntime reads it when it is imported; without, it writes an id of the machine and sends events
# to its maker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from instag.capture.options import CaptureOptions
    from instag.capture.prepare import prepare
    from instag.creation import create
    from instag.data.clip import Clip
    from instag.errors import (
        ArtefactError,
        AssetDamaged,
        AssetMissing,
        BadArgument,
        BadLayout,
        Cancelled,
        CaptureError,
        DeviceFull,
        DiskFull,
        ExtraMissing,
        FaceLost,
        FileMissing,
        InstagError,
        MediaError,
        NewerFormat,
        NoFace,
        NoSound,
        NotAnArtefact,
        NotMedia,
        NotWritable,
        PipeClosed,
        RenderingFailed,
        SeveralFaces,
        StudioFull,
        TableMismatch,
        TooShort,
        TrainingFailed,
        Truncated,
        VoiceFailed,
    )
    from instag.evaluation.evaluate import Evaluation, evaluate, evaluate_videos
    from instag.evaluation.report import write_report
    from instag.models.avatar import Avatar
    from instag.models.prior import Prior
    from instag.synthesis.options import SpeakOptions
    from instag.synthesis.speak import speak
    from instag.synthesis.synthesizer import Synthesizer
    from instag.training.adapt import adapt
    from instag.training.adapt_recipe import AdaptRecipe
    from instag.training.options import PretrainingOptions, TrainingOptions
    from instag.training.pretrain import pretrain
    from instag.training.pretrain_recipes import PretrainRecipe

_HOMES = {
    "instag.capture.options": ("CaptureOptions",),
    "instag.capture.prepare": ("prepare",),
    "instag.creation": ("create",),
    "instag.data.clip": ("Clip",),
    "instag.errors": (
        "ArtefactError",
        "AssetDamaged",
        "AssetMissing",
        "BadArgument",
        "BadLayout",
        "Cancelled",
        "CaptureError",
        "DeviceFull",
        "DiskFull",
        "ExtraMissing",
        "FaceLost",
        "FileMissing",
        "InstagError",
        "MediaError",
        "NewerFormat",
        "NoFace",
        "NoSound",
        "NotAnArtefact",
        "NotMedia",
        "NotWritable",
        "PipeClosed",
        "RenderingFailed",
        "SeveralFaces",
        "StudioFull",
        "TableMismatch",
        "TooShort",
        "TrainingFailed",
        "Truncated",
        "VoiceFailed",
    ),
    "instag.evaluation.evaluate": ("Evaluation", "evaluate", "evaluate_videos"),
    "instag.evaluation.report": ("write_report",),
    "instag.models.avatar": ("Avatar",),
    "instag.models.prior": ("Prior",),
    "instag.synthesis.options": ("SpeakOptions",),
    "instag.synthesis.speak": ("speak",),
    "instag.synthesis.synthesizer": ("Synthesizer",),
    "instag.training.adapt": ("adapt",),
    "instag.training.options": ("PretrainingOptions", "TrainingOptions"),
    "instag.training.pretrain": ("pretrain",),
    "instag.training.pretrain_recipes": ("PretrainRecipe",),
    "instag.training.adapt_recipe": ("AdaptRecipe",),
}
"""Where each public name lives."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AdaptRecipe",
    "ArtefactError",
    "AssetDamaged",
    "AssetMissing",
    "Avatar",
    "BadArgument",
    "BadLayout",
    "Cancelled",
    "CaptureError",
    "CaptureOptions",
    "Clip",
    "DeviceFull",
    "DiskFull",
    "Evaluation",
    "ExtraMissing",
    "FaceLost",
    "FileMissing",
    "InstagError",
    "MediaError",
    "NewerFormat",
    "NoFace",
    "NoSound",
    "NotAnArtefact",
    "NotMedia",
    "NotWritable",
    "PipeClosed",
    "PretrainRecipe",
    "PretrainingOptions",
    "Prior",
    "RenderingFailed",
    "SeveralFaces",
    "SpeakOptions",
    "StudioFull",
    "Synthesizer",
    "TableMismatch",
    "TooShort",
    "TrainingFailed",
    "TrainingOptions",
    "Truncated",
    "VoiceFailed",
    "__version__",
    "adapt",
    "create",
    "evaluate",
    "evaluate_videos",
    "prepare",
    "pretrain",
    "speak",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'instag' has no attribute {name!r}")
    from instag.runtime.kernel_cache import choose_kernel_cache

    choose_kernel_cache()
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
