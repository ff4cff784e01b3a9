"""The front ends by name."""

from instag.errors import BadArgument
from instag.speech.front_end import FrontEnd
from instag.speech.mel import Mel

FRONT_ENDS: dict[str, type[FrontEnd]] = {"mel": Mel}


def create(name: str) -> FrontEnd:
    """Raises BadArgument for a name that no front end has."""
    if name not in FRONT_ENDS:
        raise BadArgument(f"There is no speech front end named {name!r}. Choose one of: {', '.join(FRONT_ENDS)}.")
    return FRONT_ENDS[name]()
