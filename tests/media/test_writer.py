"""A film in its own threads: errors reach whoever hands over pictures, order is kept, and where no
GPU codes x264 does, without a word."""

from pathlib import Path

import av
import numpy as np
import pytest

from instag.media import writer
from instag.media.reader import read_frames
from instag.media.writer import AHEAD, nvenc_opens, write_video


def picture(index: int) -> np.ndarray:
    return np.full((48, 64, 3), index * 3 % 200 + 20, np.uint8)


@pytest.mark.skipif(nvenc_opens(), reason="this machine's GPU codes H.264")
def test_x264_stands_in_for_a_gpu_that_does_not_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for gpu in (True, False):
        write_video(tmp_path / f"{gpu}.mp4", (picture(index) for index in range(5)), gpu=gpu)
    stood_in, asked_for = (_as_coded(tmp_path / f"{gpu}.mp4") for gpu in (True, False))
    assert stood_in == asked_for
    assert stood_in[0] == "h264"
    assert b"options: cabac" in stood_in[1]
    assert capfd.readouterr() == ("", "")


def _as_coded(path: Path) -> tuple[str, bytes, bytes | None, list[int | None]]:
    """Codec, x264's own note of all its options, its parameter sets, and times of the pictures. Its
    pictures can differ from run to run."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        options = bytes(packets[0]).partition(b"x264 - core")[2].partition(b"\0")[0]
        context = stream.codec_context
        return context.name, options, context.extradata, [each.pts for each in packets]


def test_pictures_stay_in_order_however_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer.os, "cpu_count", lambda: 8)
    count = 2 * AHEAD + 5
    assert (
        write_video(tmp_path / "long.mp4", (picture(index) for index in range(count)), crf=4)
        == count
    )
    shown = [float(frame.mean()) for frame in read_frames(tmp_path / "long.mp4")]
    np.testing.assert_allclose(shown, [picture(index).mean() for index in range(count)], atol=2)


@pytest.mark.parametrize("total", [8, 3 * AHEAD])
def test_an_error_in_its_threads_is_raised_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    even = writer._even

    def breaking(image: np.ndarray) -> np.ndarray:
        if image[0, 0, 0] == picture(4)[0, 0, 0]:
            raise MemoryError("no room for a picture")
        return even(image)

    monkeypatch.setattr(writer, "_even", breaking)
    with pytest.raises(MemoryError, match="no room"):
        write_video(tmp_path / "out.mp4", (picture(index) for index in range(total)))
    assert not list(tmp_path.iterdir())
