"""The avatars of a library as a shelf for live sessions."""

from collections import OrderedDict
from threading import Lock
from typing import final

from instag.app.avatar_shelf import AvatarShelf, ShelvedAvatar
from instag.app.library import Library
from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled

MOST_KEPT = 4
"""Avatars in memory, of some 20 to 100 MB each."""
Key = tuple[str, int | None, int]


@final
class LibraryShelf(AvatarShelf):
    """Opens the library's avatars when they are asked for, and keeps those last used."""

    def __init__(self, library: Library) -> None:
        self._library, self._lock = library, Lock()
        self._kept: OrderedDict[Key, Avatar] = OrderedDict()

    def entries(self) -> list[ShelvedAvatar]:
        return [
            ShelvedAvatar(id=entry.id, name=entry.name, size=entry.size)
            for entry in self._library.entries()
        ]

    def open(self, name: str, size: int | None = None) -> Avatar:
        path = self._library.avatar(name)
        key = (name, size, path.stat().st_mtime_ns)
        with self._lock:
            if key not in self._kept:
                opened = Avatar.open(path)
                self._kept[key] = scaled(opened, size or opened.info.size)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]
