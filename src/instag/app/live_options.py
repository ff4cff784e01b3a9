"""The choices that are common to all who serve live heads."""

from dataclasses import dataclass
from typing import final

from instag.options import check_limits, option


@final
@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """How many heads talk at once, and what says texts."""

    sessions: int = option(2, "How many sessions may be open at once.", minimum=1, maximum=256)
    voice_command: str = option(
        "",
        "A program that says texts: {text} and {wav} stand for the text and the sound file.",
        metavar="COMMAND",
    )
    voice_url: str = option("", "A service that answers a POST of text with sound.", metavar="URL")

    def __post_init__(self) -> None:
        check_limits(self)
