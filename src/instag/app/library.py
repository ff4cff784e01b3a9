"""The library: a folder that holds avatars, each with its name, picture and recording.

avatars/ID/entry.json, head.avatar, picture.jpg, recording.webm
videos/ID/entry.json, video.mp4
jobs/ID/...        (instag.app.jobs)
recordings/ID/...  (instag.app.recordings)
incoming/          what is being sent
written.jsonl      (instag.app.written_files)
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, final

from instag.app.jobs import JobStore
from instag.app.names import checked_identifier, checked_name, new_identifier
from instag.app.recordings import Recordings
from instag.app.stored_record import folders_in, stored_record
from instag.app.written_files import WrittenFiles
from instag.errors import FileMissing
from instag.runtime.files import atomic_folder, remove_folder, sweep, write_atomic
from instag.runtime.write_errors import explain_refusal

ENTRY, HEAD, PICTURE, VIDEO = "entry.json", "head.avatar", "picture.jpg", "video.mp4"
RECORDING = "recording"
"""Without its ending."""


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """An avatar of the library. made: seconds since 1970. size: of its picture in pixels. consent:
    the sentence of it, empty where there is none; spoken: see Consent."""

    id: str
    name: str
    made: float
    recipe: str
    size: int
    consent: str = ""
    spoken: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class VideoEntry:
    """A video that an avatar spoke. said: the text or the name of the sound file."""

    id: str
    avatar: str
    name: str
    said: str
    made: float
    seconds: float


E = TypeVar("E", Entry, VideoEntry)


@final
class Library:
    """A library on disk; any number of processes may use it at once. Methods that take an
    identifier raise FileMissing where nothing has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.avatars, self.videos = folder / "avatars", folder / "videos"
        self.jobs, self.incoming = folder / "jobs", folder / "incoming"
        self.recordings = Recordings(folder / "recordings")
        self.written = WrittenFiles(folder / "written.jsonl")
        for place in self._places():
            with explain_refusal(place):
                place.mkdir(parents=True, exist_ok=True)

    def tidy(self) -> None:
        """Remove what a killed server left half written or half removed, and what is left of
        jobs whose avatar or video was deleted; for the one server that starts."""
        for place in self._places():
            sweep(place)
        JobStore(self.jobs).sweep({"learn": self.avatars, "speak": self.videos})
        self.recordings.tidy()

    def _places(self) -> tuple[Path, ...]:
        return self.avatars, self.videos, self.jobs, self.recordings.folder, self.incoming

    def entries(self) -> list[Entry]:
        """All avatars, the newest first."""
        found = (_read(path, Entry) for path in folders_in(self.avatars))
        return sorted((each for each in found if each), key=lambda each: -each.made)

    def has(self, identifier: str) -> bool:
        """Whether an avatar has this identifier."""
        return _read(self.avatars / checked_identifier(identifier), Entry) is not None

    def entry(self, identifier: str) -> Entry:
        """About an avatar. Raises FileMissing where there is none."""
        return _needed(_read(self.avatars / checked_identifier(identifier), Entry), "avatar")

    def avatar(self, identifier: str) -> Path:
        """The file of an avatar."""
        return _there(self.avatars / self.entry(identifier).id / HEAD)

    def picture(self, identifier: str) -> Path:
        """Its portrait, a JPEG. Raises as `entry`."""
        return _there(self.avatars / self.entry(identifier).id / PICTURE)

    def recording(self, identifier: str) -> Path | None:
        """The video that an avatar was learned from, where it is kept."""
        folder = self.avatars / self.entry(identifier).id
        return next(folder.glob(f"{RECORDING}.*"), None)

    def add(
        self,
        entry: Entry,
        head: Path,
        picture: bytes,
        recording: Path | None = None,
        *,
        learned_here: bool = True,
    ) -> Entry:
        """Put an avatar into the library, whole or not at all; once, where the same is added again.
        The head is moved. learned_here: only such ones are recorded as written by this library.
        Raises DiskFull, NotWritable, BadArgument."""
        entry = replace(entry, name=checked_name(entry.name))
        target = self.avatars / checked_identifier(entry.id)
        if self.has(entry.id):
            return entry
        if learned_here:
            self.written.add(head, "avatar", entry.name, entry.made)
        with atomic_folder(target) as folder:
            shutil.copyfile(head, folder / HEAD)
            (folder / PICTURE).write_bytes(picture)
            if recording is not None:
                shutil.copyfile(recording, folder / f"{RECORDING}{recording.suffix}")
            (folder / ENTRY).write_text(json.dumps(asdict(entry)))
        head.unlink()
        return entry

    def rename(self, identifier: str, name: str) -> Entry:
        """Raises BadArgument."""
        entry = replace(self.entry(identifier), name=checked_name(name))
        write_atomic(self.avatars / entry.id / ENTRY, json.dumps(asdict(entry)), lasting=True)
        return entry

    def delete(self, identifier: str) -> None:
        """Delete an avatar, the recording that it was learned from, and the pictures of its
        learning; videos stay."""
        _delete(self.avatars / self.entry(identifier).id)
        remove_folder(self.jobs / identifier)

    def all_videos(self) -> list[VideoEntry]:
        """The newest first."""
        found = (_read(path, VideoEntry) for path in folders_in(self.videos))
        return sorted((each for each in found if each), key=lambda each: -each.made)

    def video(self, identifier: str) -> Path:
        """The file of a video. Raises FileMissing."""
        return _there(self._video_folder(identifier) / VIDEO)

    def _video_folder(self, identifier: str) -> Path:
        found = _read(self.videos / checked_identifier(identifier), VideoEntry)
        return self.videos / _needed(found, "video").id

    def add_video(self, entry: VideoEntry, file: Path) -> None:
        """As `add`."""
        target = self.videos / checked_identifier(entry.id)
        if _read(target, VideoEntry) is not None:
            return
        self.written.add(file, "video", entry.name, entry.made)
        with atomic_folder(target) as folder:
            shutil.copyfile(file, folder / VIDEO)
            (folder / ENTRY).write_text(json.dumps(asdict(entry)))
        file.unlink()

    def delete_video(self, identifier: str) -> None:
        """With all that is known of it, and the sound that it says. Raises FileMissing."""
        _delete(self._video_folder(identifier))
        remove_folder(self.jobs / identifier)


def import_avatar(library: Library, file: Path, name: str) -> Entry:
    """Put a file that somebody sent into the library, where it is an avatar; it is moved. Raises
    what Avatar.open raises, BadArgument."""
    from instag.app.portrait import portrait
    from instag.models.avatar import Avatar

    avatar = Avatar.open(file)
    entry = Entry(
        id=new_identifier(),
        name=checked_name(name),
        made=time.time(),
        recipe=avatar.info.recipe,
        size=avatar.info.size,
        consent=avatar.consent.sentence if avatar.consent else "",
        spoken=avatar.consent.spoken if avatar.consent else False,
    )
    return library.add(entry, file, portrait(avatar), learned_here=False)


def _read(folder: Path, kind: type[E]) -> E | None:
    """The entry of a folder; None where it has none that is whole."""
    found = stored_record(folder / ENTRY, kind)
    return found if found is not None and found.id == folder.name else None


def _needed(found: E | None, noun: Literal["avatar", "video"]) -> E:
    if found is None:
        raise FileMissing(
            f"There is no such {noun} in the library; it may have been deleted. Go back to the "
            "list."
        )
    return found


def _there(path: Path) -> Path:
    """The same. Raises FileMissing where somebody took the file out of the library's folder."""
    if not path.is_file():
        raise FileMissing(
            f"Its file {path.name} is missing in the library's folder. Put it back into "
            f"{path.parent}, or delete the entry."
        )
    return path


def _delete(folder: Path) -> None:
    """Nothing of it is listed from its first moment on."""
    (folder / ENTRY).unlink()
    remove_folder(folder)
