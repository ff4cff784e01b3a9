"""Sinks: where the packets of a speaking head go."""

import sys
import time
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, final, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float

from instag.assets.backend import Backend, named
from instag.errors import BadArgument, PipeClosed
from instag.media.pcm import pcm16
from instag.media.sound_queue import SoundCutter
from instag.media.video_device import VideoDevice
from instag.media.video_names import muxer_of
from instag.media.wav import wav_writer
from instag.media.writer import VideoWriter
from instag.runtime.files import atomic_folder, atomic_path
from instag.runtime.write_errors import explain_disk_full
from instag.synthesis.packet import Packet
from instag.synthesis.sink_choice import STANDARD_OUTPUT, sink_for
from instag.types import FPS, SAMPLE_RATE


@final
@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """Sound in place of that of the packets, for example at a higher rate. pieces: in [-1, 1], of
    any lengths, read as they are needed. rate: Hz. stereo: each piece has two channels."""

    pieces: Iterable[Float[np.ndarray, "samples *sample"]]
    rate: int
    stereo: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class SinkSettings:
    """What a sink may use besides the packets. metadata: of a video. gpu: encode with NVENC where
    it opens."""

    soundtrack: Soundtrack | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    gpu: bool = False


class FrameSink(AbstractContextManager["FrameSink"]):
    """Takes packets in their order. Used in a `with` block: what it writes is whole when the block
    is left without an error; after an error nothing of it is left."""

    @abstractmethod
    def write(self, packet: Packet) -> None:
        """Take the next packet, whose arrays nobody may change any more. Raises what writing
        raises."""

    @abstractmethod
    def close(self) -> None:
        """Complete what was written."""

    @abstractmethod
    def abort(self, error: BaseException) -> None:
        """Give up for this error, and remove what was written if it can be removed. Raises DiskFull
        where that is the reason."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort(error)


@final
class VideoSink(FrameSink):
    """A video file, H.264 and AAC. Raises BadArgument for other endings than mp4, m4v, mov and mkv,
    and where there was no packet; DiskFull."""

    def __init__(self, path: Path | str, settings: SinkSettings | None = None) -> None:
        self._path, self._settings = Path(path), settings or SinkSettings()
        self._muxer = muxer_of(self._path)
        self._opened = ExitStack()
        self._writer: VideoWriter | None = None
        track = self._settings.soundtrack
        self._sound = (
            None
            if track is None
            else SoundCutter(track.pieces, track.rate, FPS, stereo=track.stereo)
        )

    def write(self, packet: Packet) -> None:
        writer = self._writer or self._open(packet)
        for image, heard in zip(packet.frames, packet.sound.reshape(len(packet), -1), strict=True):
            writer.add(image, heard if self._sound is None else self._sound.next_frame())

    def close(self) -> None:
        if self._writer is None:
            raise BadArgument(f"No frames to write into {self._path}.")
        self._opened.close()

    def abort(self, error: BaseException) -> None:
        self._opened.__exit__(type(error), error, error.__traceback__)

    def _open(self, packet: Packet) -> VideoWriter:
        """The size of a video is that of its first frame."""
        _, height, width, _ = packet.frames.shape
        track = self._settings.soundtrack
        temporary = self._opened.enter_context(atomic_path(self._path))
        self._writer = self._opened.enter_context(
            VideoWriter(
                temporary,
                self._muxer,
                (width, height),
                sound_rate=SAMPLE_RATE if track is None else track.rate,
                stereo=track is not None and track.stereo,
                fps=FPS,
                metadata=self._settings.metadata,
                gpu=self._settings.gpu,
            )
        )
        return self._writer


@runtime_checkable
class ByteStream(Protocol):
    """What bytes can be written to: a file, a pipe, io.BytesIO."""

    def write(self, data: memoryview | bytes, /) -> int: ...

    def flush(self) -> None: ...


@final
class PipeSink(FrameSink):
    """Raw bytes for another program: frames as RGB, 8 bits a channel, row by row; their sound as
    signed 16-bit little-endian samples at 16 kHz, into a pipe of its own. Closes neither pipe."""

    def __init__(self, frames: ByteStream, sound: ByteStream | None = None) -> None:
        self._frames, self._sound = frames, sound

    def write(self, packet: Packet) -> None:
        """Raises PipeClosed."""
        try:
            self._frames.write(np.ascontiguousarray(packet.frames).data)
            if self._sound is not None:
                self._sound.write(pcm16(packet.sound).tobytes())
        except BrokenPipeError as error:
            raise PipeClosed(
                "The program that takes the frames has closed its pipe. See what it printed."
            ) from error

    def close(self) -> None:
        self._frames.flush()
        if self._sound is not None:
            self._sound.flush()

    def abort(self, error: BaseException) -> None:
        """The bytes in the pipe stay there."""


@final
class FolderSink(FrameSink):
    """A folder of frames, 000000.png and so on, with their sound in sound.wav. Raises BadArgument
    where it exists already; DiskFull."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        if self._path.exists():
            raise BadArgument(f"{self._path} exists already. Give the name of a new folder.")
        self._count, self._opened = 0, ExitStack()
        self._made = self._opened.enter_context(atomic_folder(self._path))
        self._sound = self._opened.enter_context(wav_writer(self._made / "sound.wav"))

    def write(self, packet: Packet) -> None:
        with explain_disk_full(self._path):
            for frame in packet.frames:
                stored = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1]
                (self._made / f"{self._count:06d}.png").write_bytes(stored.tobytes())
                self._count += 1
            self._sound.writeframes(pcm16(packet.sound).tobytes())

    def close(self) -> None:
        self._opened.close()

    def abort(self, error: BaseException) -> None:
        self._opened.__exit__(type(error), error, error.__traceback__)


@final
class CameraSink(FrameSink):
    """A video device that other programs read as a camera, 25 pictures a second; their sound goes
    nowhere. Raises what VideoDevice raises."""

    def __init__(self, path: Path | str, settings: SinkSettings | None = None) -> None:
        self._path = Path(path)
        self._device: VideoDevice | None = None
        self._due = 0.0

    def write(self, packet: Packet) -> None:
        _, height, width, _ = packet.frames.shape
        self._device = device = self._device or VideoDevice(self._path, (width, height))
        for image in packet.frames:
            self._wait()
            device.write(image)

    def close(self) -> None:
        if self._device is not None:
            self._device.close()

    def abort(self, error: BaseException) -> None:
        self.close()

    def _wait(self) -> None:
        """Until the next picture is due; a late one is not caught up."""
        now = time.monotonic()
        time.sleep(max(0.0, self._due - now))
        self._due = max(self._due, now) + 1 / FPS


def _open_pipe(output: Path, settings: SinkSettings) -> FrameSink:
    if output != STANDARD_OUTPUT:
        raise BadArgument(f"Raw frames are written to standard output alone: give -, not {output}.")
    return PipeSink(sys.stdout.buffer)


def _open_folder(output: Path, settings: SinkSettings) -> FrameSink:
    return FolderSink(output)


SINKS: tuple[Backend[FrameSink], ...] = (
    Backend(name="video", help="a video file: mp4, mov or mkv", load=VideoSink),
    Backend(name="pipe", help="raw RGB frames on standard output", load=_open_pipe),
    Backend(name="frames", help="a folder of PNG files and a WAV file", load=_open_folder),
    Backend(name="camera", help="a device of v4l2loopback, as a camera", load=CameraSink),
)
"""Outputs of `speak`. `load` takes the output that somebody named and SinkSettings."""


def open_sink(output: Path | str, settings: SinkSettings, *, name: str | None = None) -> FrameSink:
    """The sink of this name; if not given, that of the output's name (`sink_for`). Raises
    BadArgument, and what the sink raises."""
    output = Path(output)
    return named(SINKS, name or sink_for(output), noun="sink").load(output, settings)
