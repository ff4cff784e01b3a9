"""Unfolding: a command's parameter that is a dataclass of options becomes those options on the
command line."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def grouped_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with each dataclass among its parameters replaced by that class's fields, which
    are put together again for it.

    So several commands share one definition of what they all take. Fields are annotated as Typer
    wants parameters to be, have defaults, and their names are those of no other parameter of the
    command.
    """
    signature = inspect.signature(command)
    groups: dict[str, Any] = {
        name: kind for name, kind in get_type_hints(command).items() if is_dataclass(kind)
    }
    flat: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name in groups:
            kind = groups[parameter.name]
            hints = get_type_hints(kind, include_extras=True)
            flat += [
                inspect.Parameter(
                    f.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=f.default,
                    annotation=hints[f.name],
                )
                for f in fields(kind)
            ]
        else:
            flat.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: object) -> None:
        together = {
            name: kind(**{f.name: given.pop(f.name) for f in fields(kind)})
            for name, kind in groups.items()
        }
        command(**given, **together)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return called
