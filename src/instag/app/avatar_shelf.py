"""A shelf of avatars: those that a server lets speak, by name."""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from instag.errors import BadArgument, FileMissing
from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled

MOST_SCALED = 8
"""Avatars of a size in memory: a page may ask for any of a thousand sizes, of some 20 MB each."""


@final
@dataclass(frozen=True, kw_only=True)
class ShelvedAvatar:
    """size: side of its own pictures, pixels."""

    id: str
    name: str
    size: int


class AvatarShelf(ABC):
    """Avatars by id. Methods may be called by any thread."""

    @abstractmethod
    def entries(self) -> list[ShelvedAvatar]:
        """All of them."""

    @abstractmethod
    def open(self, name: str, size: int | None = None) -> Avatar:
        """The avatar of this id, in pictures of this size: the same object as long as it is the
        same avatar, as what paints it is made once for an object. Raises FileMissing where there is
        none, and what Avatar.open raises."""


@final
class GivenAvatars(AvatarShelf):
    """Avatar files, all opened when the server starts."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Raises BadArgument for two files of one name, and what Avatar.open raises."""
        self._avatars: dict[str, Avatar] = {}
        for path in paths:
            if path.stem in self._avatars:
                raise BadArgument(f"Two avatars are named {path.stem}. Rename one of the files.")
            self._avatars[path.stem] = Avatar.open(path)
        self._scaled: OrderedDict[tuple[str, int], Avatar] = OrderedDict()
        self._lock = threading.Lock()

    def entries(self) -> list[ShelvedAvatar]:
        return [
            ShelvedAvatar(id=name, name=name, size=avatar.info.size)
            for name, avatar in self._avatars.items()
        ]

    def open(self, name: str, size: int | None = None) -> Avatar:
        if name not in self._avatars:
            raise FileMissing(f"There is no avatar {name}. GET /api/avatars lists those there are.")
        avatar = self._avatars[name]
        key = name, size or avatar.info.size
        with self._lock:
            if key not in self._scaled:
                self._scaled[key] = scaled(avatar, key[1])
            self._scaled.move_to_end(key)
            while len(self._scaled) > MOST_SCALED:
                self._scaled.popitem(last=False)
            return self._scaled[key]
