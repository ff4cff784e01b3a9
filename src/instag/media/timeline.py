"""One timeline for a file's picture and sound, also where its time stamps jump: at a jump both go
on together, and nothing is shown or heard for the time that was jumped over."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import final

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from instag.errors import NotMedia, Truncated
from instag.media.avi_gaps import avi_gaps
from instag.media.container import has_own_times, opened, start_seconds
from instag.media.decoding_order import stores_decoding_times
from instag.media.stray_times import (
    BACKWARD_STEP_S,
    FORWARD_STEP_S,
    USUAL_LENGTH_S,
    StrayTimes,
)
from instag.media.ticks import in_seconds

LONGEST_SILENCE_S = 30.0
"""A hole in sound without a picture is silence up to this length, and a jump beyond it."""
LATE_SOUND_S = 0.5
"""How much sound may go on after the picture at a jump and be cut; longer sound is heard to its
end first."""
LONGEST_LENGTH = 4
"""Length of a packet over that of the one before, at most."""
LONGEST_DELAY_S = 10.0
"""From a packet's decoding to its showing, at most; a longer delay is a damaged number."""
MOST_HELD = 64
"""Packets at a track's beginning that wait for its first time of decoding: some formats store
none, and give it after as many packets as are shown in another order."""
MOST_AHEAD = 8
"""Runs after one that may begin before it in time, and later in the file."""
MAX_RUNS = 10_000
"""More jumps than this are no recording."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Packets of one track whose times follow each other. picture: of which track. order: the
    first one's number in the file. first: its number in the track. start, end: seconds as
    stamped, of what is shown. decoded, due: the first one's time of decoding, and that of the
    packet after the last, which holds also where packets are shown in another order."""

    picture: bool
    order: int
    first: int
    start: float
    end: float
    decoded: float
    due: float


@final
@dataclass(frozen=True, kw_only=True)
class Timeline:
    """How stamped times become times in which picture and sound go on.

    pictures, sounds: (number of a packet in its track, seconds to take from the times of that one
    and those after it), in order. reached: the latest stamped end of any track's packets, 0 where
    unknown. picture_end, sound_end: the same of each. picture_start: when the picture's first
    packet is shown, None where unknown. picture_step: seconds of a picture where times jump, so
    that the header's rate is wrong; else 0.
    """

    pictures: tuple[tuple[int, float], ...] = ()
    sounds: tuple[tuple[int, float], ...] = ()
    reached: float = 0.0
    picture_end: float = 0.0
    sound_end: float = 0.0
    picture_start: float | None = None
    picture_step: float = 0.0

    @property
    def picture_seconds(self) -> float:
        """How long the picture goes on, without what its times jump over; 0 where they do not show
        it."""
        return self.picture_end - (self.pictures[-1][1] if self.pictures else 0.0)

    def start(self, picture: VideoStream) -> float:
        """Seconds of the picture's beginning: of its first packet, else as its header states."""
        return start_seconds(picture) if self.picture_start is None else self.picture_start

    def shifts(self, stream: Stream) -> tuple[tuple[int, float], ...]:
        """Of a track."""
        return self.pictures if stream.type == "video" else self.sounds

    def packet_end(self, stream: Stream) -> float:
        """Of a track, seconds."""
        return self.picture_end if stream.type == "video" else self.sound_end

    def removed(self, stream: Stream) -> float:
        """Seconds that the last packets' times are moved forward."""
        return self.shifts(stream)[-1][1] if self.shifts(stream) else 0.0


def read_timeline(path: Path, picture: int | None, sound: int | None) -> Timeline:
    """Read the times of all packets, none of which is decoded. picture, sound: indices of the
    tracks that are read. Raises NotMedia, and what `opened` raises."""
    with opened(path) as container:
        if not has_own_times(container):
            return Timeline()
        scan = _Scan(picture, sound, shown_as_decoded=stores_decoding_times(container))
        for packet in readable_packets(container, None, path):
            scan.add(packet)
            if len(scan.runs) > MAX_RUNS:
                raise NotMedia(
                    f"The time stamps of {path} jump more than {MAX_RUNS:,} times. Convert it "
                    "first: ffmpeg -fflags +genpts -i FILE -c:v libx264 fixed.mp4"
                )
    timeline = timeline_of(scan.finished())
    return replace(
        timeline,
        reached=scan.reached,
        picture_end=scan.ends.get(picture, 0.0),
        sound_end=scan.ends.get(sound, 0.0),
        picture_start=_moved(scan.starts.get(picture), timeline.pictures),
        picture_step=scan.lengths.get(picture, 0.0) if timeline.pictures else 0.0,
    )


def _moved(start: tuple[int, float] | None, shifts: tuple[tuple[int, float], ...]) -> float | None:
    """When the packet of a number and a stamped time is shown."""
    if start is None:
        return None
    number, time = start
    return time - next((shift for first, shift in reversed(shifts) if first <= number), 0.0)


def readable_packets(
    container: InputContainer, stream: VideoStream | AudioStream | None, path: Path
) -> Iterator[Packet]:
    """Packets of one track, or of all; unreadable ones are passed over, and times that stray are
    corrected. Raises Truncated where the file itself cannot be read on."""
    tracks: dict[int, StrayTimes] = {}
    for packet in _stored_packets(container, stream, path):
        yield from tracks.setdefault(packet.stream.index, StrayTimes()).pass_on(packet)
    for track in tracks.values():
        yield from track.rest()


def _stored_packets(
    container: InputContainer, stream: VideoStream | AudioStream | None, path: Path
) -> Iterator[Packet]:
    """Packets with the times that stand in the file. Raises Truncated."""
    packets = container.demux() if stream is None else container.demux(stream)
    gaps = avi_gaps(container, path)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, EndOfFile):
            return
        except InvalidDataError:
            continue
        except (FFmpegError, OSError) as error:
            raise Truncated(
                f"{path} can not be read to its end ({error}). Copy or download it again."
            ) from error
        if _is_shown_late(packet):
            packet.pts = packet.dts
        if packet.stream_index in gaps:
            gaps[packet.stream_index].place(packet)
        yield packet


def _is_shown_late(packet: Packet) -> bool:
    """Whether a damaged number puts the picture hours after its decoding."""
    if packet.pts is None or packet.dts is None or packet.pts == packet.dts:
        return False
    base = packet.time_base
    return bool(base) and in_seconds(abs(packet.pts - packet.dts), base) > LONGEST_DELAY_S


def timeline_of(runs: list[Run]) -> Timeline:
    """The timeline of runs in the file's order."""
    slack = FORWARD_STEP_S if any(run.picture for run in runs) else LONGEST_SILENCE_S
    epochs: list[_Epoch] = []
    newest = {True: 0, False: 0}
    placed: list[tuple[Run, int]] = []
    waiting = list(runs)
    while waiting:
        run = waiting.pop(0)
        place = newest[run.picture]
        while place < len(epochs) and not epochs[place].takes(run, slack=slack):
            place += 1
        if place == len(epochs):
            bridge = _bridge(epochs, run, waiting, slack)
            if bridge is not None:
                waiting.remove(bridge)
                waiting[:0] = bridge, run
                continue
            epochs.append(_Epoch())
        epochs[place].add(run)
        newest[run.picture] = place
        placed.append((run, place))
    shifts = _shifts(epochs)
    cuts: dict[bool, list[tuple[int, float]]] = {True: [], False: []}
    for run, place in placed:
        before = cuts[run.picture][-1][1] if cuts[run.picture] else 0.0
        if shifts[place] != before:
            cuts[run.picture].append((run.first, shifts[place]))
    return Timeline(pictures=tuple(cuts[True]), sounds=tuple(cuts[False]))


def _bridge(epochs: list["_Epoch"], run: Run, waiting: list[Run], slack: float) -> Run | None:
    """The other track's next run, where it goes on through what else were a cut: it comes later in
    the file than it begins in time."""
    near = waiting[:MOST_AHEAD]
    other = next((each for each in near if each.picture != run.picture), None)
    if other is None or not epochs or not epochs[-1].takes(other, slack=slack):
        return None
    return other if epochs[-1].with_run(other).takes(run, slack=slack) else None


@final
@dataclass(kw_only=True)
class _Epoch:
    """Runs of both tracks that were recorded at one time. starts, ends: stamped, of each track that
    has a run in it, by whether it is the picture. due: when its next packet would be decoded."""

    starts: dict[bool, float] = field(default_factory=dict)
    ends: dict[bool, float] = field(default_factory=dict)
    due: dict[bool, float] = field(default_factory=dict)

    def takes(self, run: Run, *, slack: float) -> bool:
        """Whether a run goes on in this epoch: after those of its own track, and while the other
        track goes on or at most `slack` seconds after it."""
        if run.decoded < self.due.get(run.picture, -math.inf) - BACKWARD_STEP_S:
            return False
        start, end = min(self.starts.values()), max(self.ends.values())
        return run.start <= end + slack and run.end >= start - slack

    def add(self, run: Run) -> None:
        self.starts[run.picture] = min(self.starts.get(run.picture, math.inf), run.start)
        self.ends[run.picture] = max(self.ends.get(run.picture, -math.inf), run.end)
        self.due[run.picture] = max(self.due.get(run.picture, -math.inf), run.due)

    def with_run(self, run: Run) -> "_Epoch":
        """A copy that has another run."""
        copy = _Epoch(starts={**self.starts}, ends={**self.ends}, due={**self.due})
        copy.add(run)
        return copy

    def start(self) -> float:
        """Of its picture, else of its sound."""
        return self.starts[True] if True in self.starts else self.starts[False]


def _shifts(epochs: list[_Epoch]) -> list[float]:
    """Seconds to take from the times of each epoch."""
    shifts: list[float] = []
    ends: dict[bool, float] = {}
    for epoch in epochs:
        begin = ends.get(True, ends.get(False, epoch.start()))
        if False in epoch.ends and ends.get(False, begin) > begin + LATE_SOUND_S:
            begin = ends[False]
        shifts.append(epoch.start() - begin)
        for picture, end in epoch.ends.items():
            ends[picture] = max(ends.get(picture, -math.inf), end - shifts[-1])
    return shifts


@final
@dataclass(frozen=True, kw_only=True)
class _Place:
    """A packet of a track: its numbers in the file and in the track, when it is shown, for how
    long."""

    order: int
    number: int
    shown: float
    length: float


@final
class _Scan:
    """Collects the runs of the picture and the sound from all packets of a file."""

    def __init__(self, picture: int | None, sound: int | None, *, shown_as_decoded: bool) -> None:
        """shown_as_decoded: the first picture is shown when it is decoded."""
        self._kinds = {picture: True, sound: False}
        self._shown_as_decoded = shown_as_decoded
        self.runs: list[Run] = []
        self.starts: dict[int | None, tuple[int, float]] = {}
        self.ends: dict[int | None, float] = {}
        self.lengths: dict[int | None, float] = {}
        self.reached = 0.0
        self._open: dict[int, Run] = {}
        self._held: dict[int, list[_Place]] = {}
        self._count: dict[int, int] = {}
        self._order = 0

    def add(self, packet: Packet) -> None:
        index, stamp = packet.stream_index, packet.dts if packet.dts is not None else packet.pts
        base = packet.time_base
        if packet.size == 0 or stamp is None or not base or packet.is_discard:
            self._pass(packet)
            return
        self._order += 1
        number = self._count[index] = self._count.get(index, -1) + 1
        length = self._length(packet, base)
        shown = in_seconds(stamp if packet.pts is None else packet.pts, base)
        start = in_seconds(stamp, base) if self._shown_as_decoded else shown
        self.starts.setdefault(index, (number, start))
        self.reached = max(self.reached, shown + length)
        self.ends[index] = max(self.ends.get(index, 0.0), shown + length)
        if index in self._kinds:
            place = _Place(order=self._order, number=number, shown=shown, length=length)
            self._place(index, place, None if packet.dts is None else in_seconds(stamp, base))

    def _length(self, packet: Packet, base: Fraction) -> float:
        """Seconds of a packet. Files store the step to the next one, so that a length is only
        believed where it is like those before."""
        usual = self.lengths.get(packet.stream_index, USUAL_LENGTH_S)
        stored = in_seconds(packet.duration or 0, base)
        if 0 < stored <= LONGEST_LENGTH * usual:
            self.lengths[packet.stream_index] = usual = stored
        return usual

    def _pass(self, packet: Packet) -> None:
        """One without a time, or that an edit list hides: it is decoded for those after it alone,
        and stamped with a time before theirs."""
        if packet.size:
            self._count[packet.stream_index] = self._count.get(packet.stream_index, -1) + 1

    def _place(self, index: int, place: _Place, decoded: float | None) -> None:
        """Put a packet into its track's runs, those at its beginning once it is known when the
        first is decoded."""
        held = self._held.setdefault(index, [])
        if decoded is None and index not in self._open and len(held) < MOST_HELD:
            held.append(place)
            return
        self._release(index, decoded)
        self._extend(index, place, place.shown if decoded is None else decoded)

    def _release(self, index: int, decoded: float | None) -> None:
        for place in self._held.pop(index, ()):
            self._extend(index, place, min(place.shown, math.inf if decoded is None else decoded))

    def _extend(self, index: int, place: _Place, decoded: float) -> None:
        """Add a packet to its track's run, or begin another where its time jumps."""
        run, end = self._open.get(index), place.shown + place.length
        due = decoded + place.length
        if run is None or not -BACKWARD_STEP_S <= decoded - run.due <= FORWARD_STEP_S:
            if run is not None:
                self.runs.append(run)
            run = Run(
                picture=self._kinds[index],
                order=place.order,
                first=place.number,
                start=place.shown,
                end=end,
                decoded=decoded,
                due=due,
            )
        start = min(run.start, place.shown)
        self._open[index] = replace(run, start=start, end=max(run.end, end), due=due)

    def finished(self) -> list[Run]:
        """All runs in the file's order."""
        for index in list(self._held):
            self._release(index, None)
        return sorted([*self.runs, *self._open.values()], key=lambda run: run.order)
