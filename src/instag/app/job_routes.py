"""Routes of jobs: to add, watch, cancel, resume and remove them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from instag.app.job_progress import preview_path, read_progress
from instag.app.job_queue import JobQueue
from instag.app.jobs import Job
from instag.app.letters import Letters
from instag.app.library import Library
from instag.app.names import checked_name, new_identifier
from instag.app.script import ConsentKind, consent_sentence
from instag.app.sound_bytes import named
from instag.app.uploads import ending_of, received
from instag.app.voice import MOST_TEXT, Voice, no_voice
from instag.errors import BadArgument, FileMissing, NoSound, NotMedia
from instag.media.pcm import pcm16
from instag.media.reader import find_sound, probe
from instag.media.wav import write_wav

LOOK_EVERY_S = 0.5
PING_S = 15.0
"""Without news, so often a line is sent that keeps the connection open."""
MOST_OWNER, MOST_SAID = 64, 300
"""Letters that are kept."""


class Speech(BaseModel):
    """A text that an avatar is to say in a video."""

    avatar: Letters
    text: Letters = Field(min_length=1, max_length=MOST_TEXT)
    owner: Letters = ""


@final
class JobDesk:
    """What the routes share: the library, its queue, and what says texts."""

    def __init__(self, library: Library, queue: JobQueue, voice: Voice | None = None) -> None:
        self.library, self.queue, self._voice = library, queue, voice

    def learn(self, video: Path, job: Job) -> Job:
        """Add a job that learns from a video, which is moved. Raises MediaError, BadArgument."""
        _check_video(video)
        return self.queue.add(job, video)

    def learn_recording(self, identifier: str, job: Job) -> Job:
        """The same from a recording whose pieces are here, which is not kept any longer there.
        Raises FileMissing too."""
        recordings = self.library.recordings
        with (
            recordings.as_file(identifier, self.library.incoming) as video,
            named(video, "This recording"),
        ):
            added = self.learn(video, replace(job, source=f"source{video.suffix}"))
        recordings.remove(identifier)
        return added

    def speak(self, sound: Path, avatar: str, said: str, owner: str) -> Job:
        """Add a job that says a sound, which is moved. Raises MediaError, FileMissing."""
        find_sound(sound)
        entry = self.library.entry(avatar)
        job = Job(
            id=new_identifier(),
            kind="speak",
            name=entry.name,
            owner=owner[:MOST_OWNER],
            made=time.time(),
            source=f"source{sound.suffix}",
            avatar=entry.id,
            said=" ".join(said.split())[:MOST_SAID],
        )
        return self.queue.add(job, sound)

    def speak_text(self, given: Speech) -> Job:
        """The same for a text. Raises BadArgument without a voice, VoiceFailed."""
        if self._voice is None:
            raise BadArgument(no_voice())
        sound = self.library.incoming / f"{new_identifier()}.wav"
        try:
            write_wav(sound, pcm16(self._voice.say(given.text)))
            return self.speak(sound, given.avatar, given.text, given.owner)
        finally:
            sound.unlink(missing_ok=True)


def job_router(library: Library, queue: JobQueue, voice: Voice | None = None) -> APIRouter:
    """/api/jobs. voice: what says texts."""
    router = APIRouter(prefix="/api/jobs")
    _add_routes_of_new_jobs(router, JobDesk(library, queue, voice))
    _add_routes_of_known_jobs(router, queue)
    return router


def _add_routes_of_new_jobs(router: APIRouter, desk: JobDesk) -> None:
    @router.post("/learn", status_code=201)
    async def learn(
        request: Request,
        name: str,
        consent: ConsentKind,
        file: str = "",
        recipe: str = "draft",
        owner: str = "",
        recording: str = "",
    ) -> dict[str, Any]:
        job = Job(
            id=new_identifier(),
            kind="learn",
            name=checked_name(name),
            owner=owner[:MOST_OWNER],
            made=time.time(),
            source=f"source{ending_of(file)}",
            recipe=recipe,
            consent=consent_sentence(consent),
            spoken=consent == "spoken",
        )
        if recording:
            return asdict(await run_in_threadpool(desk.learn_recording, recording, job))
        async with received(request, desk.library.incoming, ending_of(file)) as video:
            return asdict(await run_in_threadpool(desk.learn, video, job))

    @router.post("/speak", status_code=201)
    async def speak(
        request: Request, avatar: str, file: str = "", said: str = "", owner: str = ""
    ) -> dict[str, Any]:
        async with received(request, desk.library.incoming, ending_of(file)) as sound:
            return asdict(await run_in_threadpool(desk.speak, sound, avatar, said or file, owner))

    @router.post("/speak-text", status_code=201)
    def speak_text(given: Speech) -> dict[str, Any]:
        return asdict(desk.speak_text(given))


def _add_routes_of_known_jobs(router: APIRouter, queue: JobQueue) -> None:
    @router.get("")
    def jobs() -> dict[str, Any]:
        return described(queue)

    @router.get("/events")
    def events() -> StreamingResponse:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_news(queue), media_type="text/event-stream", headers=headers)

    @router.post("/{identifier}/cancel")
    def cancel(identifier: str) -> dict[str, Any]:
        return asdict(queue.cancel(identifier))

    @router.post("/{identifier}/resume")
    def resume(identifier: str) -> dict[str, Any]:
        return asdict(queue.resume(identifier))

    @router.delete("/{identifier}", status_code=204)
    def remove(identifier: str) -> None:
        queue.remove(identifier)

    @router.get("/{identifier}/preview/{number}")
    def preview(identifier: str, number: int) -> FileResponse:
        path = preview_path(queue.store.place(queue.store.job(identifier)), number)
        if not path.is_file():
            raise FileMissing("This picture was replaced by a newer one.")
        return FileResponse(path, headers={"Cache-Control": "private, max-age=86400, immutable"})


def described(queue: JobQueue) -> dict[str, Any]:
    """All jobs with their progress, in the order in which they were added."""
    jobs = queue.store.all()
    ahead = queue.ahead(jobs)
    return {
        "jobs": [
            {
                **asdict(job),
                "progress": asdict(read_progress(queue.store.place(job))),
                "ahead": ahead.get(job.id, 0),
            }
            for job in jobs
        ]
    }


async def _news(queue: JobQueue) -> AsyncIterator[str]:
    """Server-sent events: all jobs at once, and again whenever something changes."""
    before, told = "", time.monotonic()
    while not queue.closing:
        now = json.dumps(await run_in_threadpool(described, queue))
        if now != before:
            yield f"data: {now}\n\n"
            before, told = now, time.monotonic()
        elif time.monotonic() - told > PING_S:
            yield ": nothing new\n\n"
            told = time.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)


def _check_video(video: Path) -> None:
    """Refuse at once what can be no video with sound. Raises MediaError, BadArgument."""
    media = probe(video)
    if not media.has_picture:
        raise NotMedia(
            "This file has no picture that can be read. Give a video of one person who speaks."
        )
    if not media.has_sound:
        raise NoSound("This video has no sound. Give a video of one person who speaks.")
