"""Options of the library: fields of frozen dataclasses that carry their help text and limits.

    @dataclass(frozen=True, kw_only=True)
    class CaptureOptions:
        size: int = option(512, "Width and height of frames in pixels.", minimum=64, maximum=1024)

        def __post_init__(self) -> None:
            check_limits(self)

Each option is written once, here: the command line unfolds such a class into `--size` and its help
text (`instag.cli.option_groups`). This file and those that declare options import nothing heavy.
"""

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any, final

from instag.errors import BadArgument

KEY = "option"
"""Where a field's metadata holds its OptionInfo."""
MACHINE = "Machine and output"
"""The group of options that say how to compute, not what."""


@final
@dataclass(frozen=True, kw_only=True)
class OptionInfo:
    """What a person reads of an option, and its limits.

    flag: its name on the command line where that is not the field's. metavar: what stands for its
    value in help texts. choices: names that are listed in the help text; whoever takes the option
    checks them. group: the heading above it, the class's own where empty. show_default: whether
    the help text gives the default; a None is never given.
    """

    help: str
    minimum: float | None = None
    maximum: float | None = None
    flag: str = ""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    group: str = ""
    show_default: bool = True

    @property
    def full_help(self) -> str:
        """The help text with the choices."""
        return f"{self.help} One of: {', '.join(self.choices)}." if self.choices else self.help


def option(
    default: Any,
    help: str,  # noqa: A002 - the word that readers look for
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    flag: str = "",
    metavar: str = "",
    choices: Iterable[str] = (),
    group: str = "",
    show_default: bool = True,
) -> Any:
    """A dataclass field with this default that is also an option; the arguments are those of
    OptionInfo."""
    info = OptionInfo(
        help=help,
        minimum=minimum,
        maximum=maximum,
        flag=flag,
        metavar=metavar,
        choices=tuple(choices),
        group=group,
        show_default=show_default,
    )
    return field(default=default, metadata={KEY: info})


def option_info(of: Field[Any]) -> OptionInfo | None:
    """What a field says of itself as an option; None for a field that is no option."""
    return of.metadata.get(KEY)


def check_limits(options: Any) -> None:
    """Check each number against its limits, for `__post_init__`. Raises BadArgument."""
    for each in fields(options):
        info, value = option_info(each), getattr(options, each.name)
        if info is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if info.minimum is not None and value < info.minimum:
            raise BadArgument(f"{each.name} is {value}. Give at least {info.minimum:g}.")
        if info.maximum is not None and value > info.maximum:
            raise BadArgument(f"{each.name} is {value}. Give at most {info.maximum:g}.")
