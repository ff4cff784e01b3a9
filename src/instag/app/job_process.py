"""The process of one job: `python -m instag.app.job_process LIBRARY JOB`.

It ends the job where its standard input ends, which a killed server's does: what was done is kept,
and the next process of the same job goes on from there.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from instag.app.folder_lock import held
from instag.app.job_progress import FINISH, ProgressWriter
from instag.app.jobs import NO_SPACE, NO_SPACE_CODE, Job, JobStore, State, write_outcome
from instag.app.library import Entry, Library, VideoEntry
from instag.errors import Cancelled, DiskFull, InstagError
from instag.runtime.memory import keep_freed_memory

LEARN_SHARES = {"observe": 0.3, "face": 0.35, "mouth": 0.25, "fuse": 0.05, FINISH: 0.05}
"""Of the time on two cores."""
SPEAK_SHARES = {"load": 0.1, "speak": 0.9}
LOCK_WAIT_S = 60.0
"""The process before this one writes its checkpoint within that time."""
KINDNESS = 5
"""Added to the process' nice value: pages and live heads go first."""
SMALL = 256
"""Side of the pictures that `draft` learns."""


def main(folder: Path, identifier: str) -> int:
    """Run a job; its outcome is written into its folder. Returns the exit code."""
    keep_freed_memory()
    cancel = Event()
    threading.Thread(target=_watch_input, args=(cancel,), daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(KINDNESS)
    library = Library(folder)
    store = JobStore(library.jobs)
    job = store.job(identifier)
    place = store.place(job)
    with _alone(place, cancel) as alone:
        if not alone or cancel.is_set():
            write_outcome(place, State.CANCELLED)
            return 1
        try:
            write_outcome(place, *run(library, job, place, cancel))
        except DiskFull:
            return NO_SPACE_CODE
    return 0


def run(library: Library, job: Job, place: Path, cancel: Event) -> tuple[State, str]:
    """Do the work of a job. Returns how it ended, and the sentence of an error."""
    work = {"learn": learn, "speak": say}[job.kind]
    try:
        work(library, job, place, cancel)
    except Cancelled:
        return State.CANCELLED, ""
    except DiskFull:
        return State.FAILED, NO_SPACE
    except InstagError as error:
        return State.FAILED, told(error, job, place)
    except Exception:  # noqa: BLE001 - a bug must end in a sentence; its traceback is logged
        traceback.print_exc()
        return State.FAILED, (
            f"Something went wrong inside instag. Details: {place / 'log.txt'}. Try again, and "
            "report it if it happens again."
        )
    return State.DONE, ""


def told(error: InstagError, job: Job, place: Path) -> str:
    """The sentence of an error for a person, who gave the job's files no names."""
    noun = {"learn": "the video", "speak": "the sound"}[job.kind]
    sentence = str(error).replace(f"{place / job.source}", noun).replace(f"{place}{os.sep}", "")
    if Path(job.source).suffix:
        sentence = sentence.replace(job.source, noun)
    return sentence[:1].upper() + sentence[1:]


def learn(library: Library, job: Job, place: Path, cancel: Event) -> None:
    """Learn an avatar and put it into the library; a second call goes on where the first was."""
    from instag.app.portrait import PREVIEW_SIDE, jpeg, portrait
    from instag.capture.options import CaptureOptions
    from instag.capture.quality.report import quality_lines
    from instag.creation import create
    from instag.media.reader import read_frames
    from instag.models.avatar import Avatar
    from instag.models.consent import Consent
    from instag.runtime.files import sha256_of
    from instag.training.options import TrainingOptions

    if library.has(job.id):
        return
    source, head, clip = (place / name for name in (job.source, "head.avatar", "work.clip"))
    progress = ProgressWriter(place, LEARN_SHARES, partial(jpeg, side=PREVIEW_SIDE))
    if not head.is_file():
        progress("observe", 0, 1)
        if not progress.now.preview:
            progress.preview("observe", 0, next(read_frames(source)))
        create(
            source,
            head,
            clip=clip,
            capture=CaptureOptions(size=SMALL) if job.recipe == "draft" else CaptureOptions(),
            training=TrainingOptions(
                recipe=job.recipe,  # pyright: ignore[reportArgumentType] - a job checks its own
                all_for_train=True,
            ),
            report=progress,
            on_clip=lambda clip: progress.note(tuple(quality_lines(clip.info))),
            preview=progress.preview,
            cancel=cancel,
        )
    progress(FINISH, 0, 1)
    consent = Consent(sentence=job.consent, recording_sha256=sha256_of(source), spoken=job.spoken)
    avatar = replace(Avatar.open(head), consent=consent)
    avatar.save(head)
    entry = Entry(
        id=job.id,
        name=job.name,
        made=time.time(),
        recipe=avatar.info.recipe,
        size=avatar.info.size,
        consent=consent.sentence,
        spoken=consent.spoken,
    )
    library.add(entry, head, portrait(avatar), recording=source)
    source.unlink()  # the library has it now
    shutil.rmtree(clip, ignore_errors=True)
    progress(FINISH, 1, 1)


def say(library: Library, job: Job, place: Path, cancel: Event) -> None:
    """Let an avatar say the source, and put the video into the library."""
    from instag.media.reader import probe
    from instag.synthesis.speak import speak

    progress, output = ProgressWriter(place, SPEAK_SHARES, bytes), place / "video.mp4"
    progress("load", 0, 1)
    entry = library.entry(job.avatar)

    def report(done: int, total: int) -> None:
        progress("speak", done, total)
        if cancel.is_set():
            raise Cancelled("The video was cancelled.")

    if not output.is_file():
        speak(library.avatar(entry.id), place / job.source, output, report=report)
    video = VideoEntry(
        id=job.id,
        avatar=entry.id,
        name=entry.name,
        said=job.said,
        made=time.time(),
        seconds=probe(output).seconds,
    )
    library.add_video(video, output)
    progress("speak", 1, 1)


def _watch_input(cancel: Event) -> None:
    # Python aborts where a thread is in a buffered read of it while the process ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    cancel.set()


@contextmanager
def _alone(place: Path, cancel: Event) -> Iterator[bool]:
    """Hold the job's folder, once the process before has left it; False where it does not."""
    ends = time.monotonic() + LOCK_WAIT_S
    while True:
        with held(place) as mine:
            if mine or cancel.is_set() or time.monotonic() > ends:
                yield mine
                return
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
