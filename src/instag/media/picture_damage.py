"""Which of a video's pictures are damaged: those that cannot be decoded, or were patched, dropped
or lost on the way, and all that refer to them, up to the next whole picture."""

from typing import final

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from instag.media.strict_decoder import StrictDecoder

DROPPING = ("h264", "hevc", "mpeg1video", "mpeg2video")
"""Decoders that drop pictures without an error: those that refer to missing ones, or have no
header."""
UNMARKED = ("mpeg1video", "mpeg2video")
"""Decoders that do not mark pictures that refer to a first one that is missing."""


@final
class PictureDamage:
    """Watches what a decoder takes and gives. end: once all came, the time of the last picture that
    should have come after the last one that did; None where none is missing."""

    def __init__(self, stream: VideoStream, *, counted: bool) -> None:
        """counted: whether pictures have the stamps of their packets."""
        self._sent = _SentPictures(stream, counted=counted)
        self._strict = StrictDecoder(stream)
        self._spans: list[tuple[float, float]] = []
        self._since: float | None = None
        self._latest = 0.0
        self._needs_whole = stream.codec_context.name in UNMARKED
        self._last_sent = 0.0
        self._lossy: float | None = None
        self._marked = False
        self._last_came: float | None = None
        self.end: float | None = None

    def at(self, time: float) -> bool:
        """Whether the picture at this time in seconds is damaged."""
        if self._since is not None and time >= self._since:
            return True
        return any(start <= time < end for start, end in self._spans)

    def failed(self, time: float) -> None:
        """The picture of this time cannot be decoded."""
        self._latest = max(time, self._latest)
        self._since = time if self._since is None else min(time, self._since)

    def sent(self, packet: Packet, time: float) -> None:
        """Called with each packet before it is decoded. time: when it is shown."""
        if packet.size and not packet.is_discard:
            self._last_sent = max(self._last_sent, time)
            self._note_loss(packet, time)
        if packet.is_discard:  # an edit list hides the whole picture before the first that is shown
            self._needs_whole = False
        for refused in self._strict.refused(packet, time):
            self.failed(refused)

    def _note_loss(self, packet: Packet, time: float) -> None:
        """Of a packet of which a transport stream lost a part FFmpeg marks the one before. The last
        one before a whole picture may be where two recordings were joined."""
        if self._lossy is not None and not packet.is_keyframe:
            self.failed(self._lossy)
        self._lossy = time if self._marked else None
        self._marked = packet.is_corrupt

    def taken(self, packet: Packet) -> None:
        """It was decoded without an error."""
        self._sent.add(packet)

    def came(self, frame: VideoFrame) -> None:
        """A whole picture after the last one that is damaged ends the damage."""
        for lost in self._sent.lost_before(frame):
            self.failed(lost)
        time = frame.time
        if time is None:
            return
        refers_to_none = self._needs_whole and not frame.key_frame
        self._needs_whole = False
        self._last_came = time if self._last_came is None else max(time, self._last_came)
        if frame.is_corrupt or refers_to_none:
            self.failed(time)
        if self._since is not None and frame.key_frame and time > self._latest:
            self._spans.append((self._since, time))
            self._spans = self._spans[-2:]
            self._since = None

    def ended(self) -> None:
        """No picture comes any more."""
        for lost in self._sent.lost_at_end():
            self.failed(lost)
        if self._since is not None and self._last_sent > (self._last_came or 0.0):
            self.end = self._last_sent


@final
class _SentPictures:
    """What was sent to a decoder of DROPPING and did not come out yet, by its stamp."""

    def __init__(self, stream: VideoStream, *, counted: bool) -> None:
        self._counts = counted and stream.codec_context.name in DROPPING
        self._stamps: set[int] = set()
        self._first: int | None = None
        self._last: VideoFrame | None = None

    def add(self, packet: Packet) -> None:
        """One that was taken without an error."""
        if self._counts and packet.size and packet.pts is not None and not packet.is_discard:
            self._stamps.add(packet.pts)

    def lost_before(self, frame: VideoFrame) -> list[float]:
        """Times of those that should have come before this one. Those before the first of all are
        none: a file may begin in the middle of a recording. Nor are second fields."""
        if frame.pts is None or not self._counts:
            return []
        self._first, self._last = (frame.pts if self._first is None else self._first), frame
        passed = {stamp for stamp in self._stamps if stamp <= frame.pts}
        self._stamps -= passed
        if frame.interlaced_frame or not frame.time_base:
            return []
        return [
            float(stamp * frame.time_base) for stamp in passed if self._first < stamp < frame.pts
        ]

    def lost_at_end(self) -> list[float]:
        """Times of those that should have come after the last one."""
        last = self._last
        if last is None or last.interlaced_frame or not last.time_base:
            return []
        return [float(stamp * last.time_base) for stamp in self._stamps]
