"""The choices of somebody who opens the page in a browser."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from instag.options import check_limits, option
from instag.runtime.home import users_home


@final
@dataclass(frozen=True, kw_only=True)
class AppOptions:
    """Where avatars are kept, and how the page is reached."""

    library: Path | None = option(
        None,
        "The folder of avatars, recordings and videos; instag-library in your home if not given.",
        metavar="DIR",
        show_default=False,
    )
    port: int = option(8000, "The port; 0 for any that is free.", minimum=0, maximum=65_535)

    def __post_init__(self) -> None:
        check_limits(self)

    @property
    def folder(self) -> Path:
        """The library that was named, or the usual one."""
        return self.library or users_home() / "instag-library"
