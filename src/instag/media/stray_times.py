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
        self._held: list[Packet] = []
        self._due: float | None = None
        self._due_after_held = 0.0
        self._length = USUAL_LENGTH_S

    def pass_on(self, packet: Packet) -> list[Packet]:
        """Those that are ready once this one came; an empty packet ends the track."""
        time = _time(packet)
        if not packet.size:
            return [*self._given_up(), packet]
        if time is None or self._due is None or packet.is_discard:
            return self._unknown(packet, time)
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
        return self._given_up()

    def _unknown(self, packet: Packet, time: float | None) -> list[Packet]:
        """One without a time, or before the first that is shown."""
        if self._held:
            self._held.append(packet)
            return []
        return [packet] if time is None or packet.is_discard else self._usual(packet, time)

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
