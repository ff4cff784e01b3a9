# pyright: strict
"""The errors that instag raises on purpose. Each message states what is wrong, where, and what to
do next.

The command line prints the message alone and exits with `exit_code`. An exception outside this tree
is a bug and shows its traceback.
"""

from pathlib import Path


class InstagError(Exception):
    """Something that the user can mend; `str(error)` is a sentence for that user."""

    exit_code = 1


class BadArgument(InstagError):
    """Raised for an argument of a command or function whose value cannot work."""

    exit_code = 2


class MediaError(InstagError):
    """Raised where a sound or video file cannot be used."""


class FileMissing(MediaError):
    """Raised where a file does not exist or may not be read."""

    @classmethod
    def media(cls, path: Path) -> "FileMissing":
        """No video or sound lies there."""
        return cls(f"There is no file {path}. Check the name; the current folder is {Path.cwd()}.")

    @classmethod
    def avatar(cls, path: Path) -> "FileMissing":
        """No avatar lies there."""
        return cls(f"There is no file {path}. Make an avatar with: instag create VIDEO -o {path}")

    @classmethod
    def prior(cls, path: Path) -> "FileMissing":
        """No prior lies there."""
        return cls(f"There is no file {path}. Make a prior with: instag pretrain CLIP... -o {path}")

    @classmethod
    def checkpoint(cls, path: Path) -> "FileMissing":
        """None of the original's weights lie there."""
        return cls(
            f"There is no file {path}. Give the original's chkpnt_ema_face_latest.pth and "
            "chkpnt_ema_mouth_latest.pth."
        )

    @classmethod
    def metrics(cls, folder: Path) -> "FileMissing":
        """No report lies there."""
        return cls(
            f"{folder} holds no metrics.json. Make it with: instag evaluate AVATAR CLIP -o {folder}"
        )

    @classmethod
    def footage(cls, path: Path) -> "FileMissing":
        """Neither a video nor pictures lie there."""
        return cls(
            f"There is no file or folder {path}. Check the name; the current folder is "
            f"{Path.cwd()}."
        )


class NotMedia(MediaError):
    """Raised where a file is not a video (or sound) that FFmpeg's libraries can decode."""


class Truncated(MediaError):
    """Raised where a file ends before its own index does."""


class NoSound(MediaError):
    """Raised where a file has no sound track, or an empty one."""


class PipeClosed(MediaError):
    """Another program stopped to take what is written into its pipe."""


class TooShort(MediaError):
    """Raised where there are not enough frames to learn or test a head."""


class CaptureError(InstagError):
    """Raised where a video decodes but shows no head that can be learned."""


class NoFace(CaptureError):
    """Raised where a face is needed and none is found."""


class SeveralFaces(CaptureError):
    """Raised where several faces are found, none of them clearly the speaker's."""


class FaceLost(CaptureError):
    """Raised where the face is missing for longer than a gap can be filled."""


class TableMismatch(CaptureError):
    """Raised where a table of another program's measurements does not fit the clip, or is none."""


class BadLayout(CaptureError):
    """Raised where a folder that another program prepared lacks what a clip needs, or contradicts
    itself."""

    @classmethod
    def folder(cls, folder: Path) -> "BadLayout":
        """No folder lies there."""
        return cls(
            f"There is no folder {folder}. Give one that a process.py of InsTaG, TalkingGaussian, "
            "ER-NeRF or RAD-NeRF prepared."
        )

    @classmethod
    def frames(cls, folder: Path) -> "BadLayout":
        """A folder without pictures lies there."""
        return cls(
            f"{folder} has no frames: neither ori_imgs/0.jpg nor gt_imgs/0.jpg. Give the folder "
            "that process.py wrote into, or run it again."
        )


class ArtefactError(InstagError):
    """Raised where a Clip, Prior or Avatar cannot be read."""


class NotAnArtefact(ArtefactError):
    """Raised where a path holds no such artefact, or a damaged one."""

    @classmethod
    def clip(cls, folder: Path) -> "NotAnArtefact":
        """No clip lies there."""
        return cls(
            f"{folder} is not a clip: it has no clip.json. Make one with: instag prepare VIDEO "
            f"-o {folder}"
        )


class NewerFormat(ArtefactError):
    """Raised where an artefact was written by a newer instag than this one."""


class DiskFull(InstagError):
    """Raised where nothing more can be written; what was complete before is kept."""


class DeviceFull(InstagError):
    """Raised where the GPU has too little memory left."""


class AssetMissing(InstagError):
    """Raised where an optional model file is not on this machine."""


class AssetDamaged(InstagError):
    """Raised where a model file does not hold what its name promises."""


class ExtraMissing(InstagError):
    """Raised where an optional Python package is not installed."""


class StudioFull(InstagError):
    """Raised where no more live sessions can be opened."""


class VoiceFailed(InstagError):
    """Raised where a speech synthesiser gives no sound."""


class RenderingFailed(InstagError):
    """Raised where Gaussians cannot be rendered: too many of them, or too large a picture."""


class NotWritable(InstagError):
    """Raised where the system refuses to write a file; what was there before is kept."""


class TrainingFailed(InstagError):
    """Raised where training cannot continue: numbers that are not finite, or no splats left."""


class Cancelled(InstagError):
    """Raised in a training run that its caller cancelled; the last checkpoint is kept, and the same
    call resumes from it."""
