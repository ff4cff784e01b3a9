"""The tracks of a file for which a decoder is here, and which of them is the film."""

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

PREVIEW = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
PHOTOS = ("mjpeg", "png", "bmp", "gif", "webp", "tiff")
"""Codecs of thumbnails; of films too, but not beside a track of another codec."""

SILENT_IN_THREADS = ("vp8", "vp9")
"""Decoders that hide their errors, or lose pictures beside damaged ones, with a thread for each
picture."""


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """Those that can be decoded: telephones write spatial sound of codecs of their own beside
    AAC."""
    return [stream for stream in container.streams.audio if has_decoder(stream)]


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The video track that is shown, set to decode on all cores: one that can be decoded; no cover;
    before previews and thumbnails, which are photos or a single picture; the default one; the
    first."""
    streams = [
        each
        for each in container.streams.video
        if has_decoder(each) and not each.disposition & Disposition.attached_pic
    ]
    if not streams:
        return None
    stream = min(streams, key=lambda each: (is_preview(each), not _is_default(each)))
    stream.thread_type = "SLICE" if stream.codec_context.name in SILENT_IN_THREADS else "AUTO"
    return stream


def has_unknown_picture(container: InputContainer) -> bool:
    """Whether it has video tracks for none of which a decoder is here."""
    return bool(container.streams.video) and not any(map(has_decoder, container.streams.video))


def has_decoder(stream: VideoStream | AudioStream) -> bool:
    """Whether PyAV gave it one; it has no width and no rate without."""
    return stream.codec_context is not None


def is_preview(stream: VideoStream) -> bool:
    """Whether a video track shows photos or thumbnails, not a film, where there are others."""
    if stream.disposition & PREVIEW or stream.frames == 1:
        return True
    return has_decoder(stream) and stream.codec_context.name in PHOTOS


def _is_default(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.default)
