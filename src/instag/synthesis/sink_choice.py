"""The sink that an output's name asks for. It loads no library, so that a wrong name is refused at
once."""

from pathlib import Path

from instag.media.video_names import muxer_of

STANDARD_OUTPUT = Path("-")
VIDEO_DEVICES = "/dev/video"
"""How names of video devices begin."""


def sink_for(output: Path) -> str:
    """The name of the sink that an output's name asks for: "pipe" for -, "camera" for /dev/videoN,
    "frames" for another name without an ending, else "video". Raises BadArgument where no video has
    such an ending."""
    if output == STANDARD_OUTPUT:
        return "pipe"
    if output.as_posix().startswith(VIDEO_DEVICES):
        return "camera"
    if not output.suffix:
        return "frames"
    muxer_of(output)
    return "video"
