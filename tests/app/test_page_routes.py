"""The page's routes: what comes in is checked, errors are sentences, names are no paths."""

import asyncio
import json
import shutil
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from instag.app import check_routes
from instag.app.check_routes import check_router
from instag.app.error_answers import answer_error, answer_system
from instag.app.job_queue import JobQueue
from instag.app.job_routes import _news, job_router
from instag.app.jobs import State
from instag.app.library import Entry, Library
from instag.app.library_routes import library_router
from instag.app.recording_routes import recording_router
from instag.app.script import CONFIRMED, CONSENT
from instag.app.voice import Voice
from instag.errors import DiskFull, InstagError
from instag.media.writer import write_video

AVATAR = Path(__file__).parent.parent / "artefacts" / "lip_codes.avatar"
ADA = Entry(id="0" * 16, name="Ada", made=1.0, recipe="draft", size=64)


class Zeros(Voice):
    name = "zeros"

    def say(self, text: str) -> np.ndarray:
        return np.zeros(160 * len(text), np.float32)


class Client:
    """Asks an app without a network."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, path: str, **given: Any) -> Response:
        async def asked() -> Response:
            transport = ASGITransport(self._app)
            async with AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **given)

        return asyncio.run(asked())

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    patch = partialmethod(request, "PATCH")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "library")
    head = made.incoming / "head.avatar"
    shutil.copy(AVATAR, head)
    made.add(ADA, head, b"jpeg")
    return made


@pytest.fixture
def queue(library: Library) -> JobQueue:
    """It is never started: jobs wait."""
    return JobQueue(library)


@pytest.fixture
def client(library: Library, queue: JobQueue) -> Client:
    app = FastAPI()
    app.add_exception_handler(InstagError, answer_error)
    app.add_exception_handler(OSError, answer_system)
    for router in (
        library_router(library),
        job_router(library, queue, Zeros()),
        check_router(library),
        recording_router(library.recordings),
    ):
        app.include_router(router)
    return Client(app)


def film(path: Path, *, sound: bool = True) -> bytes:
    waveform = (np.zeros(8_000, np.float32), 16_000) if sound else None
    write_video(path, [np.full((32, 32, 3), 90, np.uint8)] * 12, sound=waveform)
    return path.read_bytes()


def test_a_library_that_was_taken_away_is_empty_and_told(client: Client, library: Library) -> None:
    shutil.rmtree(library.folder)
    for name in ("library", "videos", "jobs", "recordings"):
        assert not any(client.get(f"/api/{name}").json().values())
    told = client.post("/api/jobs/learn?name=Ada&consent=confirmed", content=b"a video")
    assert told.status_code == 507
    assert "Look at its folder" in told.json()["detail"]


def test_a_full_disk_is_told_without_names_of_temporary_files(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("The disk is full: /somewhere/.instag-12345678 could not be written.")

    monkeypatch.setattr(Library, "rename", full)
    told = client.patch(f"/api/library/{ADA.id}", json={"name": "Bea"})
    assert told.status_code == 507
    assert told.json()["detail"].startswith("The disk of the server is full. Free some space")


def test_the_library_is_listed_renamed_exported_and_emptied(client: Client) -> None:
    assert [each["name"] for each in client.get("/api/library").json()["avatars"]] == ["Ada"]
    assert client.get(f"/api/library/{ADA.id}/picture").content == b"jpeg"
    assert client.patch(f"/api/library/{ADA.id}", json={"name": "Zoë/.."}).status_code == 200
    exported = client.get(f"/api/library/{ADA.id}/file")
    assert exported.content == AVATAR.read_bytes()
    assert "attachment" in exported.headers["content-disposition"]
    assert "Zo%C3%AB_.avatar" in exported.headers["content-disposition"]
    refused = client.patch(f"/api/library/{ADA.id}", json={"name": ""})
    assert refused.status_code == 400
    assert "letters" in refused.json()["detail"]
    assert client.delete(f"/api/library/{ADA.id}").status_code == 204
    gone = client.get(f"/api/library/{ADA.id}")
    assert (gone.status_code, "no such avatar" in gone.json()["detail"]) == (404, True)


@pytest.mark.parametrize("path", ["library/..%2Fx", "videos/%2E%2E/file", "jobs/x/preview/1"])
def test_nothing_but_identifiers_is_a_path(client: Client, path: str) -> None:
    assert client.get(f"/api/{path}").status_code == 404


def test_avatars_are_brought(client: Client, library: Library) -> None:
    sent = client.post("/api/library?name=Bob", content=AVATAR.read_bytes())
    assert sent.status_code == 201
    assert {entry.name for entry in library.entries()} == {"Ada", "Bob"}
    broken = client.post("/api/library?name=Eve", content=b"PK nothing")
    assert broken.status_code == 400
    assert "avatar" in broken.json()["detail"]
    assert list(library.incoming.iterdir()) == []


def test_a_recording_becomes_a_job_with_the_consent_that_was_given(
    client: Client, queue: JobQueue, library: Library, tmp_path: Path
) -> None:
    sent = film(tmp_path / "a.mp4")
    for consent, sentence in {"spoken": CONSENT, "confirmed": CONFIRMED}.items():
        answer = client.post(
            f"/api/jobs/learn?name=Bob&file=../../evil.webm&consent={consent}",
            content=sent,
        )
        assert answer.status_code == 201
        job = queue.store.job(answer.json()["id"])
        assert (job.consent, job.spoken) == (sentence, consent == "spoken")
        assert job.source == "source.webm"
        assert (queue.store.place(job) / job.source).read_bytes() == sent
    assert [each["ahead"] for each in client.get("/api/jobs").json()["jobs"]] == [0, 1]
    assert list(library.incoming.iterdir()) == []


@pytest.mark.parametrize(
    "query, content, status",
    [
        ("name=Bob", b"x", 422),  # without consent there is no avatar
        ("name=Bob&consent=perhaps", b"x", 422),
        ("name=Bob&consent=spoken", b"", 400),
        ("name=Bob&consent=spoken", b"no video", 400),
        ("name=&consent=spoken", b"x", 400),
        ("name=Bob&consent=spoken&recipe=reference", b"x", 400),
    ],
)
def test_what_cannot_be_learned_is_refused_at_once(
    client: Client, queue: JobQueue, query: str, content: bytes, status: int
) -> None:
    assert client.post(f"/api/jobs/learn?{query}", content=content).status_code == status
    assert queue.store.all() == []


def test_a_film_without_sound_is_refused(client: Client, tmp_path: Path) -> None:
    silent = client.post(
        "/api/jobs/learn?name=Bob&consent=spoken", content=film(tmp_path / "a.mp4", sound=False)
    )
    assert silent.status_code == 400
    assert "no sound" in silent.json()["detail"]


def test_jobs_are_stopped_resumed_and_removed(
    client: Client, queue: JobQueue, tmp_path: Path
) -> None:
    sound = film(tmp_path / "a.mp4")
    made = client.post(f"/api/jobs/speak?avatar={ADA.id}&file=Hello.mp4", content=sound).json()
    assert (made["kind"], made["said"], made["name"]) == ("speak", "Hello.mp4", "Ada")
    path = f"/api/jobs/{made['id']}"
    assert client.delete(path).status_code == 400
    assert client.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{path}/resume").json()["state"] == "queued"
    client.post(f"{path}/cancel")
    assert client.delete(path).status_code == 204
    assert client.post(f"{path}/cancel").status_code == 404


def test_a_text_becomes_a_sound_to_speak(client: Client, queue: JobQueue) -> None:
    given = {"avatar": ADA.id, "text": "Good morning."}
    made = client.post("/api/jobs/speak-text", json=given).json()
    job = queue.store.job(made["id"])
    assert job.said == "Good morning."
    assert (queue.store.place(job) / "source.wav").stat().st_size == 44 + 2 * 160 * 13
    assert client.post("/api/jobs/speak-text", json=given | {"avatar": "1" * 16}).status_code == 404


def test_news_come_when_something_changes_and_end_with_the_queue(
    client: Client, queue: JobQueue, tmp_path: Path
) -> None:
    sound = film(tmp_path / "a.mp4")
    made = client.post(f"/api/jobs/speak?avatar={ADA.id}", content=sound).json()

    async def told() -> list[str]:
        news, found = _news(queue), []
        found.append(await anext(news))
        queue.store.with_state(made["id"], State.FAILED, "No voice.")
        found.append(await anext(news))
        queue.close()
        found += [each async for each in news]
        return found

    states = [json.loads(each[6:])["jobs"][0]["state"] for each in asyncio.run(told())]
    assert states == ["queued", "failed"]


def test_files_are_verified_and_not_kept(client: Client, library: Library) -> None:
    ours = client.post("/api/verify?file=me.avatar", content=AVATAR.read_bytes()).json()
    assert ours["written"]["name"] == "Ada"
    assert "every byte" in ours["sentence"]
    other = client.post("/api/verify", content=b"anything").json()
    assert (other["written"], other["mark"]) == (None, None)
    assert list(library.incoming.iterdir()) == []


def test_pictures_are_checked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def checks(picture: np.ndarray, scale: float) -> object:
        seen.append((picture.shape, tuple(picture[0, 0]), scale))
        return replace(ADA)

    monkeypatch.setattr(check_routes, "LiveChecks", lambda: checks)
    red = cv2.imencode(".png", np.full((8, 12, 3), (0, 0, 255), np.uint8))[1].tobytes()
    assert client.post("/api/checks?scale=2", content=red).status_code == 200
    assert seen == [((8, 12, 3), (255, 0, 0), 2.0)]
    for wrong in (b"", b"GIF89a", b"\xff\xd8\xff"):
        assert client.post("/api/checks", content=wrong).status_code == 400
    assert client.post("/api/checks?scale=-1", content=red).status_code == 422


def test_the_script_begins_with_consent(client: Client) -> None:
    script = client.get("/api/script").json()
    assert script["consent"] == CONSENT
    assert len(script["lines"]) >= 4
    assert SimpleNamespace(**script).least_s < script["enough_s"]


def test_a_recording_that_came_in_pieces_is_learned_from(
    client: Client, library: Library, queue: JobQueue, tmp_path: Path
) -> None:
    begun = client.post("/api/recordings?ending=.mp4").json()
    path, content = f"/api/recordings/{begun['id']}", film(tmp_path / "a.mp4")
    for number, start in enumerate(range(0, len(content), 2_000)):
        piece = content[start : start + 2_000]
        assert client.put(f"{path}/piece?number={number}", content=piece).status_code == 204
    assert client.put(f"{path}/piece?number=900", content=b"a").status_code == 400
    assert client.get("/api/recordings").json() == {"recordings": []}  # it may go on
    assert client.get(f"{path}/file").content == content
    asked = f"/api/jobs/learn?name=Ada&consent=spoken&recording={begun['id']}"
    answer = client.post(asked)
    assert answer.status_code == 201
    job = queue.store.job(answer.json()["id"])
    assert job.source == "source.mp4"
    assert (queue.store.place(job) / job.source).read_bytes() == content
    assert client.get(f"{path}/file").status_code == 404
    assert client.post(asked).status_code == 404
    assert list(library.incoming.iterdir()) == []
    assert client.delete(path).status_code == 404
