"""The library lists what is whole, and moves, renames and deletes it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from instag.app import library as module
from instag.app.jobs import Job, JobStore, Kind, State
from instag.app.library import Entry, Library, VideoEntry, import_avatar
from instag.errors import BadArgument, FileMissing, NotAnArtefact

AVATAR = Path(__file__).parent.parent / "artefacts" / "lip_codes.avatar"
ADA = Entry(id="0" * 16, name="Ada", made=1.0, recipe="draft", size=64, consent="Yes.", spoken=True)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def head(library: Library) -> Path:
    path = library.incoming / "head.avatar"
    path.write_bytes(b"a head")
    return path


def test_an_avatar_is_added_once_and_found_by_another_process(library: Library) -> None:
    recording = library.incoming / "source.webm"
    recording.write_bytes(b"a video")
    library.add(ADA, head(library), b"jpeg", recording)
    library.add(replace(ADA, name="Again"), head(library), b"other")
    again = Library(library.folder)
    assert again.entries() == [ADA]
    assert again.entry(ADA.id) == ADA
    assert again.avatar(ADA.id).read_bytes() == b"a head"
    assert again.picture(ADA.id).read_bytes() == b"jpeg"
    kept = again.recording(ADA.id)
    assert kept is not None
    assert kept.suffix == ".webm"


def test_the_newest_is_first_and_names_change(library: Library) -> None:
    library.add(ADA, head(library), b"jpeg")
    library.add(replace(ADA, id="1" * 16, name="Bob", made=2.0), head(library), b"jpeg")
    library.rename(ADA.id, " Ada  Lovelace ")
    assert [each.name for each in library.entries()] == ["Bob", "Ada Lovelace"]
    with pytest.raises(BadArgument):
        library.rename(ADA.id, " ")


def test_a_deleted_avatar_is_gone_but_still_recognised(library: Library) -> None:
    library.add(ADA, head(library), b"jpeg")
    job = library.jobs / ADA.id
    job.mkdir()
    (job / "preview-1.jpg").write_bytes(b"her face")
    library.delete(ADA.id)
    assert library.entries() == []
    assert not job.exists()
    for ask in (library.entry, library.avatar, library.picture, library.recording, library.delete):
        with pytest.raises(FileMissing, match="no such avatar"):
            ask(ADA.id)
    assert (library.folder / "written.jsonl").read_text().count("Ada") == 1


def test_what_is_half_written_or_strange_is_not_listed(library: Library) -> None:
    (library.avatars / ADA.id).mkdir()
    (library.avatars / "stray.txt").write_text("mine")
    assert library.entries() == []
    (library.avatars / ADA.id / "entry.json").write_text('{"id": "elsewhere"}')
    assert library.entries() == []


def test_paths_of_others_are_not_reached(library: Library) -> None:
    for identifier in ("..", "../videos", "", "0" * 15):
        with pytest.raises(FileMissing):
            library.avatar(identifier)


def test_videos(library: Library) -> None:
    file = library.incoming / "out.mp4"
    file.write_bytes(b"a video")
    entry = VideoEntry(id="2" * 16, avatar=ADA.id, name="Ada", said="Hello.", made=3.0, seconds=1.0)
    library.add_video(entry, file)
    assert library.all_videos() == [entry]
    assert library.video(entry.id).read_bytes() == b"a video"
    job = library.jobs / entry.id
    job.mkdir()
    (job / "source.wav").write_bytes(b"a sound")
    library.delete_video(entry.id)
    assert library.all_videos() == []
    assert not job.exists()


def test_an_avatar_is_brought_with_its_portrait(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Path(shutil.copy(AVATAR, library.incoming / "sent.avatar"))
    entry = import_avatar(library, sent, "Carol")
    assert library.entries() == [entry]
    assert entry.consent == ""
    assert library.picture(entry.id).read_bytes()[:3] == b"\xff\xd8\xff"
    assert not library.written.path.exists()  # others wrote it
    broken = library.incoming / "broken.avatar"
    broken.write_bytes(b"PK nothing")
    with pytest.raises(NotAnArtefact):
        import_avatar(library, broken, "Dan")
    assert module.Library(library.folder).entries() == [entry]


def test_files_that_somebody_took_away_are_told_and_their_entries_can_go(library: Library) -> None:
    library.add(ADA, head(library), b"jpeg")
    file = library.incoming / "out.mp4"
    file.write_bytes(b"a video")
    entry = VideoEntry(id="2" * 16, avatar=ADA.id, name="Ada", said="Hello.", made=3.0, seconds=1.0)
    library.add_video(entry, file)
    for name in ("head.avatar", "picture.jpg"):
        (library.avatars / ADA.id / name).unlink()
    (library.videos / entry.id / "video.mp4").unlink()
    asked = ((library.avatar, ADA.id), (library.picture, ADA.id), (library.video, entry.id))
    for ask, identifier in asked:
        with pytest.raises(FileMissing, match="is missing in the library"):
            ask(identifier)
    library.delete(ADA.id)
    library.delete_video(entry.id)
    assert library.entries() == library.all_videos() == []


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind, products", [("learn", "avatars"), ("speak", "videos")])
def test_of_jobs_without_their_product_only_those_that_are_done_are_swept(
    library: Library, kind: Kind, products: str, state: State
) -> None:
    store, source = JobStore(library.jobs), library.incoming / "source.mp4"
    for identifier in (ADA.id, "1" * 16):
        source.write_bytes(b"a video")
        job = Job(id=identifier, kind=kind, name="", owner="", made=1.0, source=source.name)
        store.add(replace(job, state=state), source)
        (store.place(job) / "preview-1.jpg").write_bytes(b"her face")
    (library.folder / products / ADA.id).mkdir()
    library.tidy()
    left = [ADA.id] if state is State.DONE else [ADA.id, "1" * 16]
    assert [job.id for job in store.all()] == left
    assert sorted(path.name for path in library.jobs.iterdir()) == left
    assert (library.jobs / ADA.id / "preview-1.jpg").read_bytes() == b"her face"
