"""Packets whose times stray, for damaged numbers tell them, and come back to where the track has
gone on meanwhile."""

from typing import final

from av.packet import Packet

from instag.media.ticks import in_seconds

FORWARD_STEP_S, BACKWARD_STEP_S = 1.0, 0.5
"""Steps between two packets of a track that are no usual ones."""
LONGEST_S = 3.0
"""Of packets that stray. Where the times do not come back within it, they were cut there."""
NEAR_S = 0.3
"""How near to its place the first packet after them is."""
USUAL_LENGTH_S = 0.04
"""Length of a packet whose file stores none."""


@final
class StrayTimes:
    """Gives the packets of one track in their order, those that stray at even times."""

    def __init__(self) -> None:
        self._first: list[Packet] = []
        self._held: list[Packet] = []
        self._due: float | None = None
        self._due_after_held = 0.0
        self._length = USUAL_LENGTH_S

    def pass_on(self, packet: Packet) -> list[Packet]:
        """Those that are ready once this one came; an empty packet ends the track."""
        time = _time(packet)
        if not packet.size:
            return [*self.rest(), packet]
        if time is None or packet.is_discard:
            return self._unknown(packet)
        if self._due is None:
            self._first = self._usual(packet, time)
            return []
        if self._first:
            return [*self._begun(time), *self.pass_on(packet)]
        if not self._held:
            if _follows(time, self._due):
                return self._usual(packet, time)
            return self._hold(packet, time)
        place = self._due + len(self._held) * self._length
        if not _follows(time, self._due_after_held) and abs(time - place) <= NEAR_S:
            return [*self._corrected(), *self._usual(packet, time)]
        if place - self._due > LONGEST_S:
            return [*self._given_up(), *self._usual(packet, time)]
        return self._hold(packet, time)

    def rest(self) -> list[Packet]:
        """Those that wait when no packet comes any more."""
        first, self._first = self._first, []
        return [*first, *self._given_up()]

    def _unknown(self, packet: Packet) -> list[Packet]:
        """One without a time, or that is not shown."""
        if self._held:
            self._held.append(packet)
            return []
        first, self._first = self._first, []
        return [*first, packet]

    def _begun(self, second: float) -> list[Packet]:
        """The first packet, before the second one's time: no track goes back from its first."""
        assert self._due is not None
        first, self._first = self._first, []
        if second - self._due < -BACKWARD_STEP_S:
            first[0].pts = first[0].dts = round((second - self._length) / first[0].time_base)
            self._due = second
        return first

    def _usual(self, packet: Packet, time: float) -> list[Packet]:
        stored = in_seconds(packet.duration or 0, packet.time_base)
        if 0 < stored <= FORWARD_STEP_S:
            self._length = stored
        self._due = time + self._length
        return [packet]

    def _hold(self, packet: Packet, time: float) -> list[Packet]:
        self._held.append(packet)
        self._due_after_held = time + self._length
        return []

    def _corrected(self) -> list[Packet]:
        assert self._due is not None
        for number, packet in enumerate(self._held):
            time = self._due + number * self._length
            packet.pts = packet.dts = round(time / packet.time_base)
        held, self._held = self._held, []
        return held

    def _given_up(self) -> list[Packet]:
        held, self._held = self._held, []
        if held:
            self._due = self._due_after_held
        return held


def _time(packet: Packet) -> float | None:
    """Of decoding, in seconds."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None or not packet.time_base else in_seconds(stamp, packet.time_base)


def _follows(time: float, due: float) -> bool:
    return -BACKWARD_STEP_S <= time - due <= FORWARD_STEP_S
