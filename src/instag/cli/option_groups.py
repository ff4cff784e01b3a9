"""Option groups: a command's parameter that is a dataclass becomes one command-line option for each
field."""

import inspect
import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from instag.options import OptionInfo, option_info


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with each dataclass among its parameters replaced by the class's options, which
    are put together again when it is called.

    So commands share one definition of what they all take, which is the library's own
    (`instag.options`). The names of options are those of no other parameter of the command.
    """
    groups: dict[str, Any] = {
        name: kind for name, kind in get_type_hints(command).items() if is_dataclass(kind)
    }
    flat: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            flat += parameters_of(groups[parameter.name])
        else:
            flat.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: Any) -> None:
        together = {name: gathered(kind, given) for name, kind in groups.items()}
        command(**given, **together)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return called


def parameters_of(kind: type) -> list[inspect.Parameter]:
    """The options of a dataclass as parameters for Typer. The heading above them is the
    class's name without `Options`."""
    hints = get_type_hints(kind)
    heading = kind.__name__.removesuffix("Options")
    return [
        _parameter(each, hints[each.name], heading, info)
        for each in fields(kind)
        if (info := option_info(each)) is not None
    ]


def gathered(kind: type, given: dict[str, Any]) -> Any:
    """The dataclass from its fields in `given`, which are removed there. Raises BadArgument."""
    names = [each.name for each in fields(kind) if option_info(each) is not None]
    return kind(**{name: given.pop(name) for name in names})


def _parameter(each: Field[Any], kind: Any, heading: str, info: OptionInfo) -> inspect.Parameter:
    assert each.default is not MISSING, f"the option {each.name} has no default"
    shape = _numbers_in(kind)
    declared = typer.Option(
        *_flags(each, info),
        help=info.full_help,
        min=info.minimum,
        max=info.maximum,
        metavar=info.metavar or None,
        parser=_numbers_parser(shape, info.metavar) if shape else None,
        rich_help_panel=info.group or heading,
        show_default=info.show_default,
    )
    return inspect.Parameter(
        each.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=each.default,
        annotation=Annotated[str | None if shape else kind, declared],
    )


def _flags(each: Field[Any], info: OptionInfo) -> list[str]:
    """`--name`, or the option's own flags; a switch that is off has no `--no-name`."""
    if info.flag:
        return info.flag.split()
    name = "--" + each.name.replace("_", "-")
    return [f"{name}/--no-{name[2:]}"] if each.default is True else [name]


def _numbers_in(kind: Any) -> int:
    """How many numbers a tuple has, or such a tuple or None; 0 for anything else."""
    choices = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return next((len(get_args(choice)) for choice in choices if get_origin(choice) is tuple), 0)


def _numbers_parser(count: int, metavar: str) -> Callable[[str], tuple[float, ...]]:
    """Reads `1,2,3`."""

    def numbers(text: str) -> tuple[float, ...]:
        try:
            found = tuple(float(part) for part in text.split(","))
        except ValueError:
            found = ()
        if len(found) != count:
            raise typer.BadParameter(f"{text!r} is not of the form {metavar or 'of numbers'}")
        return found

    return numbers
