"""The studio: all live sessions of one device, on one clock.

One thread plans: each 40 ms it hears what every session says next, in one batch, and sends that
sound out. Another paints the planned frames, in one batch too, so that sound waits for no picture.
A frame that is planned before the one before it was painted takes its place: late pictures are
skipped, never queued.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch

from instag.errors import StudioFull
from instag.models.avatar import Avatar
from instag.runtime.closable import Closable
from instag.runtime.cuda_graph import using_gpu
from instag.speech.lips.live_ear import LOOK_AHEAD_S, listen
from instag.synthesis.live.casts import Cast, Casts
from instag.synthesis.live.metrics import KEPT, Spread
from instag.synthesis.live.painter import LivePainter, PlannedFrame
from instag.synthesis.live.session import LiveSession
from instag.types import FPS

FRAME_S = 1 / FPS
BEHIND_S = 1.0
"""A clock that is so far behind begins anew: the machine slept."""
IDLE_S = 60.0
"""Sessions that nobody looks at or speaks to for so long are freed."""


@final
@dataclass(frozen=True, kw_only=True)
class StudioTimes:
    """How long the parts of a frame take, ms, for all sessions together."""

    hear: Spread
    paint: Spread
    late: Spread


@final
class Studio(Closable):
    """Live sessions; used in a `with` block, which ends its threads.

    with Studio() as studio:
        session = studio.open(avatar)
        session.attach(output)
        session.push_audio(samples)
    """

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        look_ahead_s: float = LOOK_AHEAD_S,
        most_sessions: int = 2,
        idle_s: float = IDLE_S,
    ) -> None:
        """look_ahead_s: seconds of sound that lips look ahead. most_sessions: that are open at
        once. idle_s: after which unused ones are freed."""
        device = torch.device(device)
        self.most_sessions, self.idle_s = most_sessions, idle_s
        self._painter = LivePainter(device)
        self._casts = Casts(device, self._painter, look_ahead_s=look_ahead_s)
        self._lock, self._due = threading.Lock(), threading.Condition()
        self._opening = threading.Lock()
        self._cast_of: dict[str, Cast] = {}
        self._sessions: dict[str, LiveSession] = {}
        self._slots: dict[str, PlannedFrame] = {}
        self._hear: deque[float] = deque(maxlen=KEPT)
        self._paint: deque[float] = deque(maxlen=KEPT)
        self._late: deque[float] = deque(maxlen=KEPT)
        self._closing = False
        self._failure: Exception | None = None
        self._threads = [
            threading.Thread(
                target=self._guarded, args=(work,), name=f"instag-live-{name}", daemon=True
            )
            for name, work in (("plan", self._plan_on), ("paint", self._paint_on))
        ]

    def __enter__(self) -> "Studio":
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        """End all sessions and threads."""
        self._closing = True
        with self._due:
            self._due.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for session in self.sessions:
            self.end(session.name)
        self._casts.close()

    @property
    def sessions(self) -> list[LiveSession]:
        """Those that are open."""
        with self._lock:
            return list(self._sessions.values())

    @property
    def times(self) -> StudioTimes:
        """Of the last minute."""
        return StudioTimes(
            hear=Spread.of(list(self._hear)),
            paint=Spread.of(list(self._paint)),
            late=Spread.of(list(self._late)),
        )

    def session(self, name: str) -> LiveSession | None:
        """The open session of this name."""
        with self._lock:
            return self._sessions.get(name)

    def open(self, avatar: Avatar) -> LiveSession:
        """A new session. What paints an avatar is made once, for the same object. Raises
        StudioFull, and BadArgument for a head that lip codes do not drive."""
        if self._failure is not None:
            raise self._failure
        with self._opening, using_gpu():
            self._check_place()
            cast = self._casts.of(avatar)
            with self._lock:
                others = sum(each is cast for each in self._cast_of.values())
            cast.head.prepare(others + 1)
            session = LiveSession(secrets.token_urlsafe(9), avatar, cast.ear(), cast.motion())
            with self._lock:
                self._sessions[session.name], self._cast_of[session.name] = session, cast
                self._casts.keep(self._cast_of.values())
        return session

    def _check_place(self) -> None:
        """Raises StudioFull."""
        count = len(self.sessions)
        if count >= self.most_sessions:
            raise StudioFull(
                f"All {self.most_sessions} places are taken. Close another session, or try again "
                "in a minute: sessions that nobody uses are closed."
            )
        shown = sum(session.is_shown for session in self.sessions)
        paint_ms = self.times.paint.p50 * (shown + 1) / shown if shown else 0.0
        if paint_ms > 1e3 * FRAME_S:
            raise StudioFull(
                f"This machine is busy: with one session more a frame would take {paint_ms:.0f} ms "
                f"of the {1e3 * FRAME_S:.0f} there are. Close another session, or choose a smaller "
                "size."
            )

    def end(self, name: str) -> None:
        """Close a session, if it is open."""
        with self._lock:
            session = self._sessions.pop(name, None)
            self._cast_of.pop(name, None)
        with self._due:
            self._slots.pop(name, None)
        if session is not None:
            session.close()

    def _plan_on(self) -> None:
        """The planning thread. Frames that are late are planned at once, as their sound must go
        out, and unheard: an ear that is too slow for the machine does not slow the sound."""
        due = time.monotonic()
        while not self._closing:
            due += FRAME_S
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -BEHIND_S:
                due = time.monotonic()
            self._late.append(max(0.0, -wait))
            self.plan_frame(in_haste=-wait > FRAME_S)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do a thread's work. What it raises ends all sessions, and `open` raises it then."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - nobody else would see it
            self._failure, self._closing = error, True
            with self._due:
                self._due.notify_all()
            for session in self.sessions:
                self.end(session.name)

    def plan_frame(self, *, in_haste: bool = False) -> None:
        """Hear, and send out, the frame that is due in every session that is shown. in_haste: send
        it out unheard."""
        self._free_unused()
        sessions = [session for session in self.sessions if session.is_shown]
        if not sessions:
            return
        began = time.monotonic()
        ears = {
            session.name: ear
            for session in sessions
            if (ear := session.ear_with_a_frame()) is not None
        }
        if in_haste:
            heard = {name: ear.pass_on() for name, ear in ears.items()}
        else:
            heard = dict(zip(ears, listen(list(ears.values())), strict=True))
        if ears:
            self._hear.append(time.monotonic() - began)
        for session in sessions:
            frame = session.plan(heard.get(session.name))
            self._offer(session, frame.planned)

    def _offer(self, session: LiveSession, planned: PlannedFrame) -> None:
        """Put a frame where the painter finds it, in place of one that it has not begun."""
        with self._due:
            if session.name in self._slots:
                session.metrics.skip()
            self._slots[session.name] = planned
            self._due.notify()

    def _free_unused(self) -> None:
        now = time.monotonic()
        for session in self.sessions:
            if not session.is_shown and now - session.used_at > self.idle_s:
                self.end(session.name)

    def _paint_on(self) -> None:
        """The painting thread."""
        while not self._closing:
            with self._due:
                while not self._slots and not self._closing:
                    self._due.wait()
            self.paint_planned()

    def paint_planned(self) -> None:
        """Paint, and send out, what was planned; the painting thread does."""
        with self._due:
            slots, self._slots = self._slots, {}
        self._paint_frames(slots)

    def _paint_frames(self, slots: dict[str, PlannedFrame]) -> None:
        """In one batch."""
        began = time.monotonic()
        with self._lock:
            drawn = [
                (self._sessions[name], self._cast_of[name].head, planned)
                for name, planned in slots.items()
                if name in self._sessions
            ]
        pictures = self._painter.paint([(head, planned) for _, head, planned in drawn])
        for (session, _, planned), picture in zip(drawn, pictures, strict=True):
            session.show(planned.number, picture)
        if slots:
            self._paint.append(time.monotonic() - began)
