# pyright: strict
"""A backend: one of several ways to do a thing, as a row of a table that its module declares.

The command line's help, its checks and `instag doctor` are made from such tables. To add a backend,
add a row.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Generic, TypeVar

from instag.assets import store
from instag.errors import BadArgument

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Backend(Generic[T]):
    """One row. help: a phrase for the command line. assets: names in the asset registry of the
    files that it reads. extra: the optional group of instag's packages that it imports.

    load: makes it; heavy modules are imported there. Its arguments and its result are those that
    the table states.
    """

    name: str
    help: str
    load: Callable[..., T]
    assets: tuple[str, ...] = ()
    extra: str | None = None


def names(table: Sequence[Backend[T]]) -> tuple[str, ...]:
    """The names that a user can choose from, in the table's order."""
    return tuple(backend.name for backend in table)


def named(table: Sequence[Backend[T]], name: str, *, noun: str = "backend") -> Backend[T]:
    """The row of this name. noun: what the table lists, for the error. Raises BadArgument."""
    for backend in table:
        if backend.name == name:
            return backend
    raise BadArgument(f"There is no {noun} {name!r}. Choose one of: {', '.join(names(table))}.")


def obstacle(backend: Backend[T]) -> str | None:
    """What this machine lacks for a backend, with the command that gets it; None where it lacks
    nothing. Nothing is imported or loaded."""
    absent = missing_packages(backend.extra) if backend.extra is not None else []
    if absent:
        return (
            f"{backend.name} needs {', '.join(absent)}, not installed here. Install: "
            f'pip install "instag[{backend.extra}]"'
        )
    for name in backend.assets:
        if store.find(name) is None:
            asset = store.named(name)
            return f"{backend.name} needs {asset.file}, not on this machine. Get it: {asset.way}"
    return None


def missing_packages(extra: str) -> list[str]:
    """The packages of one of instag's extras that are not installed, by instag's own metadata;
    none where instag runs without metadata, from a source tree."""
    try:
        requirements = metadata.requires("instag") or []
    except metadata.PackageNotFoundError:
        return []
    marker = re.compile(rf"""extra\s*==\s*["']{re.escape(extra)}["']""")
    wanted = [
        re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements if marker.search(line)
    ]
    return [package for package in wanted if not _installed(package)]


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
