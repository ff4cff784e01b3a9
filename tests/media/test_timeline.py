"""Time stamps with holes and jumps: picture and sound keep one time."""

import math
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from instag.errors import NotMedia
from instag.media import timeline
from instag.media.flaws import Flaw
from instag.media.reader import read_frames, read_sound
from instag.media.timeline import Run, timeline_of
from media.edit_lists import edit
from media.films import RATE, clicks, film, heard, seen, sound_file

ALL = np.arange(6) + 0.5


def after(start: float, step: float) -> "films.Shift":
    return lambda seconds: step if seconds >= start else 0.0


def without(start: float, end: float) -> "films.Shift":
    return lambda seconds: None if start <= seconds < end else 0.0


@pytest.mark.parametrize(
    ("name", "codec"),
    [("gap.mkv", "aac"), ("gap.mp4", "aac"), ("gap.mkv", "libopus"), ("gap.avi", "aac")],
)
def test_a_hole_in_the_sound_is_silent(tmp_path: Path, name: str, codec: str) -> None:
    path = film(tmp_path / name, seconds=8, sounds=without(2.0, 4.0), codec=codec)
    said: list[Flaw] = []
    assert abs(len(read_sound(path, notice=said.append)) / 16_000 - 8) < 0.05
    np.testing.assert_allclose(heard(path), [0.5, 1.5, 4.5, 5.5, 6.5, 7.5], atol=0.03)
    assert [flaw.aspect for flaw in said] == ["sound"]
    assert "2.0 s (1 hole" in said[0].message
    assert said[0].share == pytest.approx(0.25, abs=0.02)


def test_many_lost_packets_do_not_add_up(tmp_path: Path) -> None:
    """Every ninth packet of 21 ms is lost."""

    def lost(seconds: float) -> float | None:
        return None if round(seconds * RATE / 1024) % 9 == 4 else 0.0

    path = film(tmp_path / "call.mkv", sounds=lost)
    found = heard(path)
    assert abs(found[:, None] - ALL).min(1).max() < 0.03
    assert len(found) >= 5


def test_trembling_stamps_change_nothing(tmp_path: Path) -> None:
    steady = film(tmp_path / "steady.mkv")
    trembling = film(
        tmp_path / "trembling.mkv", sounds=lambda seconds: 0.012 * np.sin(50 * seconds) + 0.012
    )
    first = read_sound(steady)
    late = read_sound(trembling)
    assert abs(len(first) - len(late)) < 16_000 * 0.03
    np.testing.assert_allclose(heard(trembling), heard(steady), atol=0.03)


def test_a_hole_in_a_file_of_sound_alone_is_silent(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mkv", seconds=8, sounds=without(2.0, 4.0))
    with av.open(str(whole)) as source, av.open(str(tmp_path / "voice.mka"), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = heard(tmp_path / "voice.mka")
    np.testing.assert_allclose(found, [0.5, 1.5, 4.5, 5.5, 6.5, 7.5], atol=0.03)


@pytest.mark.parametrize("name", ["jump.mp4", "jump.mkv"])
@pytest.mark.parametrize("step", [10.0, 5_000.0])
def test_a_jump_forward_is_a_cut(tmp_path: Path, name: str, step: float) -> None:
    path = film(tmp_path / name, pictures=after(3, step), sounds=after(3, step))
    assert sum(1 for _ in read_frames(path)) == 150
    np.testing.assert_allclose(seen(path), ALL, atol=0.03)
    np.testing.assert_allclose(heard(path), ALL, atol=0.03)


@pytest.mark.parametrize("order", ["ab", "aa", "ba", "bab"])
def test_joined_recordings_go_on(tmp_path: Path, order: str) -> None:
    parts = {
        "a": film(tmp_path / "a.ts", seconds=3, form="mpegts"),
        "b": film(
            tmp_path / "b.ts",
            seconds=3,
            form="mpegts",
            pictures=lambda _: 50.0,
            sounds=lambda _: 50.0,
        ),
    }
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts[part].read_bytes() for part in order))
    wanted = np.arange(3 * len(order)) + 0.5
    assert sum(1 for _ in read_frames(path)) == 75 * len(order)
    np.testing.assert_allclose(seen(path), wanted, atol=0.03)
    np.testing.assert_allclose(heard(path), wanted, atol=0.03)


def test_a_picture_that_stands_still_while_sound_goes_on_is_no_cut(tmp_path: Path) -> None:
    path = film(tmp_path / "still.mkv", pictures=without(2.0, 4.0))
    assert sum(1 for _ in read_frames(path)) == 150
    np.testing.assert_allclose(seen(path), [0.5, 1.5, 4.5, 5.5], atol=0.03)
    np.testing.assert_allclose(heard(path), ALL, atol=0.03)


def test_a_stop_of_both_is_a_cut(tmp_path: Path) -> None:
    path = film(tmp_path / "both.mkv", pictures=without(2.0, 4.0), sounds=without(2.0, 4.0))
    assert sum(1 for _ in read_frames(path)) == 100
    np.testing.assert_allclose(seen(path), ALL[:4], atol=0.03)
    np.testing.assert_allclose(heard(path), ALL[:4], atol=0.03)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.flv", "v.ts", "v.avi"])
def test_sound_that_begins_late(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, sounds=lambda seconds: 1.0)
    np.testing.assert_allclose(heard(path) - seen(path), 1, atol=0.05)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.flv", "v.ts"])
def test_a_picture_that_begins_late(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, pictures=lambda seconds: 1.0)
    np.testing.assert_allclose(seen(path), ALL, atol=0.03)
    np.testing.assert_allclose(heard(path), ALL[:5], atol=0.05)


def test_a_start_before_the_first_picture_is_no_damage(tmp_path: Path) -> None:
    """That of the file, which FFmpeg gives for the track's."""
    path = film(tmp_path / "v.asf", codec="libmp3lame", pictures=lambda seconds: 0.055)
    said: list[Flaw] = []
    assert sum(1 for _ in read_frames(path, notice=said.append)) == 150
    assert not said


def test_a_late_start_in_asf_is_no_missing_end(tmp_path: Path) -> None:
    """FFmpeg adds it to the file's length."""
    path = film(tmp_path / "v.asf", codec="libmp3lame", sounds=lambda seconds: 1.0)
    np.testing.assert_allclose(heard(path) - seen(path), 1, atol=0.05)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
@pytest.mark.parametrize("reordered", [0, 3])
@pytest.mark.parametrize(("shown_before", "rate"), [(1, 25), (2, 25), (51, 25), (9, 4)])
def test_a_picture_that_stalls_keeps_its_time(
    tmp_path: Path, name: str, reordered: int, shown_before: int, rate: int
) -> None:
    """Screens and calls: some frames, then none for more than a second, while sound goes on. Where
    frames are reordered, times of decoding jump elsewhere than those of showing."""
    before = [Fraction(index, rate) for index in range(shown_before)]
    after = [math.ceil(before[-1]) + 2 + Fraction(index, 4 * rate) for index in range(8 * rate)]
    path = film(tmp_path / name, frames=[*before, *after], reordered=reordered)
    flashes, first = seen(path), float(after[0])
    np.testing.assert_allclose(heard(path), ALL, atol=0.03)
    np.testing.assert_allclose(flashes[flashes > first - 0.2], ALL[first < ALL][:2], atol=0.05)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
@pytest.mark.parametrize("rate", [1, 2, 4])
def test_slow_pictures_in_another_order(tmp_path: Path, name: str, rate: int) -> None:
    """Screens at some frames a second: in mkv the first times are of showing, not of decoding."""
    times = [Fraction(index, rate) for index in range(6 * rate)]
    slow = film(tmp_path / name, frames=times, reordered=3)
    plain = film(tmp_path / f"plain{name}", frames=times)
    assert sum(1 for _ in read_frames(slow)) == sum(1 for _ in read_frames(plain))
    np.testing.assert_allclose(seen(slow), seen(plain), atol=0.05)


@pytest.mark.parametrize(
    ("parts", "times"),
    [
        ([(5, 1)], [0.5, 1.5, 2.5, 3.5, 4.5]),
        ([(2, 0), (2, 4)], [0.5, 1.5, 2.5, 3.5]),
        ([(2, 4), (2, 0)], [0.5, 1.5, 2.5, 3.5]),
        ([(1.3, 0), (1.3, 2), (1.4, 4)], [0.5, 1.8, 3.1]),
    ],
)
def test_parts_that_an_edit_list_joins(
    tmp_path: Path, parts: list[tuple[float, int]], times: list[float]
) -> None:
    """As phones trim: what comes before a part is decoded for it alone. parts: seconds, and where
    each begins."""
    path = film(tmp_path / "v.mp4")
    edit(
        path,
        vide=[(seconds, start * 12_800) for seconds, start in parts],
        soun=[(seconds, start * RATE + 1024) for seconds, start in parts],
    )
    length = sum(seconds for seconds, _ in parts)
    assert sum(1 for _ in read_frames(path)) == pytest.approx(25 * length, abs=1)
    assert len(read_sound(path)) / 16_000 == pytest.approx(length, abs=0.05)
    np.testing.assert_allclose(seen(path), times, atol=0.03)
    np.testing.assert_allclose(heard(path), times, atol=0.03)


def test_sound_may_be_longer_than_the_picture_at_a_cut() -> None:
    """Two recordings of 3 s of picture and 5 s of sound, each stamped from 0."""
    runs = [
        Run(picture=True, order=1, first=0, start=0.0, end=3.0, decoded=0.0, due=3.0),
        Run(picture=False, order=2, first=0, start=0.0, end=5.0, decoded=0.0, due=5.0),
        Run(picture=True, order=3, first=75, start=0.0, end=3.0, decoded=0.0, due=3.0),
        Run(picture=False, order=4, first=235, start=0.0, end=5.0, decoded=0.0, due=5.0),
    ]
    found = timeline_of(runs)
    assert found.pictures == ((75, -5.0),)
    assert found.sounds == ((235, -5.0),)


def test_a_file_that_jumps_all_the_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "MAX_RUNS", 3)
    path = film(
        tmp_path / "mad.mkv", pictures=lambda s: 20.0 * int(s), sounds=lambda s: 20 * int(s)
    )
    with pytest.raises(NotMedia, match="jump more than 3 times"):
        next(read_frames(path))


def test_raw_sound_has_no_times_of_its_own(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "voice.aac", clicks(3), form="adts")
    path.write_bytes(path.read_bytes() * 2)
    assert len(read_sound(path)) / 16_000 == pytest.approx(6, abs=0.1)
    assert all(0.9 < b - a < 1.2 for a, b in pairwise(heard(path)))


def test_a_picture_is_not_shown_hours_after_it_is_decoded(tmp_path: Path) -> None:
    """One damaged number of FLV, the delay from decoding to showing, asked for 200,000 frames."""
    path = film(tmp_path / "v.flv", seconds=2)
    content, delay = path.read_bytes(), b"\x27\x01\x00\x00\x00"
    place = content.rindex(delay)
    path.write_bytes(content[:place] + b"\x27\x01\x7f\xff\xff" + content[place + len(delay) :])
    assert sum(1 for _ in islice(read_frames(path), 100)) == 50


@pytest.mark.parametrize("reordered", [0, 3])
def test_small_pictures_of_a_program_stream_have_no_times(tmp_path: Path, reordered: int) -> None:
    """MPEG-PS stores one for a packet of 2 kB, in which many begin."""
    path = film(tmp_path / "v.mpg", codec="mp2", reordered=reordered, moving=True)
    assert sum(1 for _ in read_frames(path)) == pytest.approx(150, abs=1)
    np.testing.assert_allclose(seen(path), ALL, atol=0.05)
    np.testing.assert_allclose(heard(path), ALL, atol=0.03)
