"""The tree of errors that instag raises on purpose: each says what is wrong, where, and what to do
next.

The command line prints the message alone and leaves with `exit_code`; anything outside this tree is
a bug and shows its traceback.
"""


class InstagError(Exception):
    """Something went wrong that its user can mend; `str(error)` is a sentence for that user."""

    exit_code = 1


class BadArgument(InstagError):
    """An argument of a command or function has a value that can not work."""

    exit_code = 2


class MediaError(InstagError):
    """A sound or video file can not be used."""


class FileMissing(MediaError):
    """No such file, or no right to read it."""


class NotMedia(MediaError):
    """The file is not a video (or sound) that FFmpeg's libraries can decode."""


class Truncated(MediaError):
    """The file ends before its own index says that it does."""


class NoSound(MediaError):
    """The file has no sound track, or an empty one."""


class TooShort(MediaError):
    """Not enough frames to learn or test a head."""


class CaptureError(InstagError):
    """The video decodes, but a head can not be observed in it."""


class NoFace(CaptureError):
    """No face where one must be seen."""


class SeveralFaces(CaptureError):
    """More than one face, and none clearly the speaker's."""


class FaceLost(CaptureError):
    """The face is there at first and then missing for longer than a gap can be filled."""


class TableMismatch(CaptureError):
    """A table of measurements from another program does not fit the clip, or is no such table."""


class BadLayout(CaptureError):
    """A folder that another program prepared lacks what a clip needs, or contradicts itself."""


class ArtefactError(InstagError):
    """A Clip, Prior or Avatar can not be read."""


class NotAnArtefact(ArtefactError):
    """The path holds no such artefact, or an incomplete one."""


class NewerFormat(ArtefactError):
    """The artefact was written by a newer instag than this one."""


class DiskFull(InstagError):
    """Nothing more can be written; what was complete before is kept."""


class DeviceFull(InstagError):
    """The GPU has no memory left for what is computed there."""


class AssetMissing(InstagError):
    """An optional model file is not on this machine."""


class AssetDamaged(InstagError):
    """A model file does not hold what its name says."""


class ExtraMissing(InstagError):
    """An optional Python package is not installed."""


class TrainingFailed(InstagError):
    """Training can not go on: numbers that are not finite, or no splats left."""


class Cancelled(InstagError):
    """The work was cancelled by its caller; what is done so far is kept."""
