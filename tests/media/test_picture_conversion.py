"""Pictures as displayed: tones, orientation, interlaced fields, sizes that change."""

import gc
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from instag.media.picture_conversion import RgbConverter
from instag.media.reader import Square, probe, read_frames

HLG, PQ, BT2020 = 18, 16, 9


def hdr_film(path: Path, levels: tuple[float, ...], transfer: int) -> Path:
    """Grey fields of these signal levels, side by side, 64 pixels wide each."""
    width, height = 64 * len(levels), 64
    luma = np.repeat(np.array([round(64 + level * 876) for level in levels], np.uint16), 64)
    with av.open(str(path), "w") as container:
        options = {"x265-params": "log-level=none", "crf": "4"}
        stream = container.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        coder = stream.codec_context
        coder.color_trc, coder.colorspace, coder.color_primaries = transfer, BT2020, BT2020
        coder.color_range = 1
        for index in range(3):
            frame = av.VideoFrame(width, height, "yuv420p10le")
            for plane, values in zip(frame.planes, (luma, 512, 512), strict=True):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = values
                plane.update(rows.tobytes())
            frame.pts, frame.time_base = index, Fraction(1, 25)
            frame.color_trc, frame.colorspace, frame.color_primaries = transfer, BT2020, BT2020
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("transfer", "white"), [(HLG, 0.75), (PQ, 0.58)])
def test_hdr_is_shown_as_on_a_screen(tmp_path: Path, transfer: int, white: float) -> None:
    """BT.2408: reference white, and the grey card of 18 %, at 38 % in both codings."""
    path = hdr_film(tmp_path / "hdr.mp4", (0.0, 0.38, white, 1.0), transfer)
    frames = list(read_frames(path, square=Square(x=64, y=0, side=64, size=32)))
    assert abs(frames[1].astype(float) - 109).max() <= 4
    whole = next(read_frames(path)).astype(float)
    black, grey, light, bright = (whole[32, 32 + 64 * place] for place in range(4))
    assert black.max() <= 4
    assert abs(grey - 109).max() <= 4
    assert abs(light - 250).max() <= 6
    assert bright.min() >= light.max()


@pytest.mark.parametrize(("matrix", "primaries"), [(10, 9), (14, 0)])
def test_hdr_that_states_what_ffmpeg_does_not_take(matrix: int, primaries: int) -> None:
    """Constant luminance, ICtCp, reserved numbers: "Operation not supported"."""
    frame = av.VideoFrame(16, 16, "yuv420p10le")
    for plane, level in zip(frame.planes, (64 + 0.38 * 876, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, round(level), np.uint16).tobytes())
    frame.color_trc, frame.color_range = HLG, 1
    frame.colorspace, frame.color_primaries = matrix, primaries
    assert abs(RgbConverter()(frame, 16, 16).astype(float) - 109).max() <= 4


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 2), (3, 5), (17, 9)])
def test_pictures_of_few_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "few.png"
    width, height = size
    cv2.imwrite(str(path), np.full((height, width, 3), 200, np.uint8))
    assert next(read_frames(path)).shape == (height, width, 3)
    assert (probe(path).width, probe(path).height) == size


def lying(path: Path, count: int = 3) -> Path:
    """A film whose four quarters differ in brightness."""
    image = np.kron(np.array([[40, 90], [150, 220]], np.uint8), np.ones((24, 32), np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(np.stack([image] * 3, -1), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
    ],
)
def test_all_eight_orientations(tmp_path: Path, matrix: tuple[int, ...], turned) -> None:
    plain = lying(tmp_path / "plain.mp4")
    content = plain.read_bytes()
    one = (1 << 16).to_bytes(4, "big")
    start = content.index(one + bytes(12) + one, content.index(b"tkhd"))
    a, b, c, d = ((number << 16).to_bytes(4, "big", signed=True) for number in matrix)
    path = tmp_path / "turned.mp4"
    path.write_bytes(content[:start] + a + b + bytes(4) + c + d + bytes(4) + content[start + 24 :])
    stored, shown = next(read_frames(plain)), next(read_frames(path))
    np.testing.assert_array_equal(shown, turned(stored))
    info = probe(path)
    assert (info.height, info.width) == shown.shape[:2]
    square = next(read_frames(path, square=Square(x=4, y=8, side=32, size=32)))
    assert abs(square.astype(int) - shown[8:40, 4:36]).max() <= 2


@pytest.mark.parametrize(
    ("stated", "turned"),
    [
        ("rotate=90", np.rot90),
        ("rotate=180", lambda a: a[::-1, ::-1]),
        ("flip=horizontal", np.fliplr),
    ],
)
def test_an_orientation_in_the_stream_holds_on(tmp_path: Path, stated: str, turned) -> None:
    """Decoders of several threads tell it with the picture alone that carries it."""
    plain, path = lying(tmp_path / "plain.ts", count=30), tmp_path / "v.h264"
    with av.open(str(plain)) as source, path.open("wb") as target:
        stream = source.streams.video[0]
        marked = BitStreamFilterContext(
            f"h264_metadata=display_orientation=insert:{stated}", stream
        )
        for packet in source.demux(stream):
            for each in marked.filter(packet if packet.size else None):
                target.write(bytes(each))
    upright, found = list(read_frames(plain)), list(read_frames(path))
    assert len(found) >= 25
    for before, after in zip(upright, found, strict=False):
        np.testing.assert_allclose(after.astype(int), turned(before), atol=3)


def test_interlaced_fields_become_whole_pictures(tmp_path: Path) -> None:
    """Two moments, 20 ms apart, are woven into each frame; a bar moves 4 pixels between them."""
    path = tmp_path / "fields.mp4"
    with av.open(str(path), "w") as container:
        options = {"flags": "+ildct+ilme", "x264-params": "tff=1:bframes=0", "crf": "6"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for index in range(16):
            rows = np.full((2, 96, 160, 3), 40, np.uint8)
            for field in range(2):
                left = 4 + 8 * index + 4 * field
                rows[field, :, left : left + 24] = 220
            image = rows[0]
            image[1::2] = rows[1, 1::2]
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = np.stack(list(read_frames(path))).astype(int)
    assert len(frames) == 16
    assert abs(np.diff(frames[2:-2], axis=1)).mean() < 0.5
    assert abs(frames[8, 48] - 40).max() > 100


@pytest.mark.parametrize("sizes", [((160, 120), (80, 60)), ((80, 60), (160, 120))])
def test_a_picture_that_changes_its_size(
    tmp_path: Path, sizes: tuple[tuple[int, int], ...]
) -> None:
    parts = []
    for place, (width, height) in enumerate(sizes):
        image = np.zeros((height, width, 3), np.uint8)
        image[:, : width // 2] = 235
        part = tmp_path / f"{place}.ts"
        options = {"output_ts_offset": str(place)}
        with av.open(str(part), "w", format="mpegts", options=options) as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(25):
                frame = av.VideoFrame.from_ndarray(image, "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    path = tmp_path / "changing.ts"
    path.write_bytes(b"".join(parts))
    frames = np.stack(list(read_frames(path))).astype(int)
    assert frames.shape == (50, sizes[0][1], sizes[0][0], 3)
    assert abs(frames[5] - frames[-5]).mean() < 2
    width, height = sizes[0]
    square = Square(x=width // 4, y=height // 4, side=height // 2, size=64)
    cut = np.stack(list(read_frames(path, square=square))).astype(int)
    assert abs(cut[5] - cut[-5]).mean() < 4
    corner = Square(x=width - height * 3 // 4, y=height // 4, side=height * 3 // 4, size=64)
    assert len(list(read_frames(path, square=corner))) == 50


@pytest.mark.parametrize(
    ("turn", "turned"),
    [
        (1, lambda image: image),
        (2, np.fliplr),
        (3, lambda image: np.rot90(image, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: np.rot90(image, 2).T),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_pictures_with_exif(tmp_path: Path, turn: int, turned) -> None:
    """PyAV has no name for Exif, and refuses all that came with such a frame. Turned and mirrored
    as Exif 2.32 (4.6.4, Orientation) has it."""
    image = np.kron(np.array([[40, 90], [150, 220]], np.uint8), np.ones((24, 32), np.uint8))
    plain = cv2.imencode(".jpg", image)[1].tobytes()
    entry = struct.pack(">HHIHH", 0x112, 3, 1, turn, 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    path = tmp_path / "photo.jpg"
    length = struct.pack(">H", len(exif) + 2)
    path.write_bytes(plain[:2] + b"\xff\xe1" + length + exif + plain[2:])
    np.testing.assert_allclose(next(read_frames(path))[..., 0], turned(image), atol=2)
    assert probe(path).width == turned(image).shape[1]


def test_frames_are_given_back_without_a_search_for_garbage(tmp_path: Path) -> None:
    """A minute of a large video would fill the memory before Python looks for circles."""
    video = lying(tmp_path / "plain.mp4")
    gc.collect()
    gc.disable()
    try:
        assert list(read_frames(video))
        left = [each for each in gc.get_objects() if issubclass(type(each), av.VideoFrame)]
    finally:
        gc.enable()
    assert not left
