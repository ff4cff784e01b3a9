"""A media file opened for reading: always the local file of that name, in a format that holds
sound or pictures itself."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from instag.errors import FileMissing, NotMedia
from instag.media.tracks import picture_stream, sound_streams
from instag.media.whole_file import refuse_cut_off
from instag.runtime.untrusted import is_stream

OURS = Path(__file__).parents[1]
LOCAL = "file:"
"""FFmpeg's prefix of local files; what follows is a name, whatever it looks like."""
OPTIONS = {"protocol_whitelist": "file", "pattern_type": "none"}
"""No other file is read, also where a picture's name looks like a pattern ("me%03d.png")."""
LISTS = ("hls", "dash", "concat", "sdp", "rtsp", "imf")
"""Formats that name other files in place of sound or pictures."""
WITH_TRACK_LENGTHS = frozenset(
    ("mov", "mp4", "avi", "wav", "w64", "aiff", "flac", "caf", "au", "tta", "wv", "ape")
)
"""Formats that store each track's length."""
WITH_FILE_LENGTH = frozenset(("matroska", "webm", "flv", "asf", "nut"))
"""Formats that store one length, that of the longest track."""
MAX_PIXELS = 1 << 26
"""Of a picture: 8192 x 8192. FFmpeg reserves memory for what a header asks for."""
SAMPLE_RATES = (1_000, 1_000_000)
"""Hz, least and most."""
MISSING_TAIL_S = 0.5
"""A decoded length this much under the header's makes a file count as cut off."""
GENERIC_INDEX, MAY_JUMP = 0x100, 0x200
"""FFmpeg's format flags AVFMT_GENERIC_INDEX and AVFMT_TS_DISCONT."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a file for reading. Raises FileMissing, NotMedia, Truncated in place of what the system
    and FFmpeg raise, here and in the block."""
    head = _first_bytes(path)
    if not head:
        raise NotMedia(f"{path} is empty (0 bytes). Copy or download it again.")
    refuse_cut_off(path, head)
    try:
        container = av.open(f"{LOCAL}{path}", metadata_errors="ignore", options=OPTIONS)
    except (FFmpegError, ValueError, OSError) as error:
        raise NotMedia(
            f"{path} is not a video or sound file that can be read ({_reason(error)}). Give an "
            "mp4, mov, mkv, webm, wav, flac or mp3 file."
        ) from error
    with container, _in_our_words(path):
        if _names(container) & set(LISTS):
            raise NotMedia(
                f"{path} is a list of other files, without sound or pictures of its own. Give the "
                "video or sound file itself."
            )
        _check_limits(container, path)
        yield container


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    """Turn whatever FFmpeg and PyAV raise in the block into NotMedia."""
    try:
        yield
    except Exception as error:
        if not (isinstance(error, FFmpegError) or _raised_by_pyav(error)):
            raise
        raise NotMedia(
            f"{path} cannot be read: it is damaged, or no decoder is here for it "
            f"({_reason(error)}). Copy or download it again, or convert it first: "
            "ffmpeg -i FILE -c:v libx264 -c:a aac fixed.mp4"
        ) from error


def _raised_by_pyav(error: Exception) -> bool:
    """In its own code or what that calls: it raises ValueError, LookupError and others of damaged
    headers."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = Path(frame.f_code.co_filename)
        if file.parts[0] == "av" or Path(av.__file__).parent in file.parents:
            return True
        if OURS in file.parents:
            return False
    return False


def file_seconds(container: InputContainer) -> float:
    """The length that the file states, or FFmpeg's guess; 0 where there is neither."""
    return container.duration / av.time_base if container.duration else 0.0


def stored_seconds(container: InputContainer, stream: VideoStream | AudioStream) -> float:
    """The length of a track that its file stores; 0 where FFmpeg only guessed one."""
    if not (stream.duration and stream.time_base and _stores_track_lengths(container)):
        return 0.0
    return float(stream.duration * stream.time_base)


def stored_file_seconds(container: InputContainer) -> float:
    """The length of a whole file that it stores; 0 where FFmpeg only guessed one."""
    if container.format.name == "asf":  # FFmpeg adds the latest track's start to it
        return max(map(_seconds, container.streams), default=0.0)
    known = _stores_track_lengths(container) or _names(container) & WITH_FILE_LENGTH
    return file_seconds(container) if known else 0.0


def _seconds(stream: Stream) -> float:
    """Of a track, as FFmpeg gives it."""
    return float((stream.duration or 0) * (stream.time_base or 0))


def start_seconds(stream: VideoStream) -> float:
    """The time of a track's beginning, as its file says; 0 in ASF, where FFmpeg may give another
    track's."""
    if not (stream.start_time and stream.time_base) or stream.container.format.name == "asf":
        return 0.0
    return float(stream.start_time * stream.time_base)


def has_own_times(container: InputContainer) -> bool:
    """Whether the format stores times; where it does not, FFmpeg makes them of lengths, and they
    show nothing."""
    return int(container.format.flags) & (GENERIC_INDEX | MAY_JUMP) != GENERIC_INDEX


def without_decoder(path: Path) -> NotMedia:
    """The error for a file whose pictures are of a codec that is not here."""
    return NotMedia(
        f"{path}: no decoder is here for its pictures. Convert it first: "
        f"ffmpeg -i {path.name} -c:v libx264 fixed.mp4"
    )


def undecodable(path: Path) -> NotMedia:
    """The error for a video none of whose frames decode."""
    return NotMedia(
        f"{path} has a video track but no frame of it can be decoded. Convert it first: "
        f"ffmpeg -i {path.name} -c:v libx264 fixed.mp4"
    )


def _stores_track_lengths(container: InputContainer) -> bool:
    """An MP3 does where its encoder counted the frames."""
    if "mp3" in _names(container):
        with Path(container.name.removeprefix(LOCAL)).open("rb") as handle:
            tag = handle.read(10)
            # ID3v2: four bytes of 7 bits are its length
            length = sum(byte << 7 * place for place, byte in enumerate(reversed(tag[6:])))
            handle.seek(10 + length if tag.startswith(b"ID3") else 0)
            first_frame = handle.read(512)
        return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))
    return bool(_names(container) & WITH_TRACK_LENGTHS)


def _names(container: InputContainer) -> set[str]:
    return set(container.format.name.split(","))


def _first_bytes(path: Path) -> bytes:
    if is_stream(path):
        raise NotMedia(
            f"{path} is a pipe or a device; sound and video are read more than once. Write it to a "
            "file first."
        )
    try:
        with path.open("rb") as handle:
            return handle.read(12)
    except FileNotFoundError as error:
        raise FileMissing.media(path) from error
    except IsADirectoryError as error:
        raise FileMissing(f"{path} is a folder. Give a video or sound file.") from error
    except PermissionError as error:
        raise FileMissing(
            f"{path} may not be read. Change its permissions: chmod u+r {path}"
        ) from error
    except (OSError, ValueError) as error:
        raise FileMissing(
            f"{path} cannot be opened ({_reason(error)}). Check the name and the disk, or copy the "
            "file elsewhere."
        ) from error


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]


def _check_limits(container: InputContainer, path: Path) -> None:
    """Raises NotMedia where a header asks for what no camera or microphone makes."""
    picture = picture_stream(container)
    if picture is not None and picture.width * picture.height > MAX_PIXELS:
        raise NotMedia(
            f"{path}: its header asks for pictures of {picture.width} x {picture.height} pixels; "
            f"{MAX_PIXELS:,} pixels are the most. Make it smaller: ffmpeg -i FILE -vf "
            "scale=-2:1080 small.mp4"
        )
    low, high = SAMPLE_RATES
    for stream in sound_streams(container):
        if stream.rate and not low <= stream.rate <= high:
            raise NotMedia(
                f"{path}: its header states {stream.rate:,} samples of sound a second; {low:,} to "
                f"{high:,} can be read. Convert it first: ffmpeg -i FILE -ar 16000 sound.wav"
            )
