"""Personalised 3D talking heads from a few seconds of video.

    clip = instag.prepare("me.mp4", "me.clip")
    avatar = instag.adapt(clip, "me.avatar")  # or with prior=instag.pretrain([...])
    instag.speak(avatar, "speech.wav", "out.mp4")
    instag.write_report(instag.evaluate("me.avatar", "me.clip"), "report")

Each name is imported when it is first used, so that `import instag` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from instag.version import __version__

if TYPE_CHECKING:
    from instag.capture.options import CaptureOptions
    from instag.capture.prepare import prepare
    from instag.data.clip import Clip
    from instag.evaluation.evaluate import evaluate, evaluate_videos
    from instag.evaluation.report import write_report
    from instag.models.avatar import Avatar
    from instag.models.prior import Prior
    from instag.synthesis.synthesizer import speak
    from instag.training.adapt import adapt
    from instag.training.pretrain import pretrain

__all__ = [
    "Avatar",
    "CaptureOptions",
    "Clip",
    "Prior",
    "__version__",
    "adapt",
    "evaluate",
    "evaluate_videos",
    "prepare",
    "pretrain",
    "speak",
    "write_report",
]

_HOMES = {
    "Avatar": "instag.models.avatar",
    "CaptureOptions": "instag.capture.options",
    "Clip": "instag.data.clip",
    "Prior": "instag.models.prior",
    "adapt": "instag.training.adapt",
    "evaluate": "instag.evaluation.evaluate",
    "evaluate_videos": "instag.evaluation.evaluate",
    "prepare": "instag.capture.prepare",
    "pretrain": "instag.training.pretrain",
    "speak": "instag.synthesis.synthesizer",
    "write_report": "instag.evaluation.report",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'instag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
