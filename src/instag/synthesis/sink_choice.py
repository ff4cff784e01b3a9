"""The sink that an output's name asks for. It loads no library, so that a wrong name is refused at
once."""

from pathlib import Path

STANDARD_OUTPUT = Path("-")


def sink_for(output: Path) -> str:
    """The name of the sink that an output's name asks for: "pipe" for -, "frames" for a name
    without an ending, else "video"."""
    if output == STANDARD_OUTPUT:
        return "pipe"
    return "video" if output.suffix else "frames"
