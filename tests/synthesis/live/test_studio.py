"""The studio: sound goes on whatever pictures do, sessions share what they can, and full is
full."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.errors import BadArgument, StudioFull
from instag.models.avatar import Avatar
from instag.runtime.device_copy import PendingTensor
from instag.synthesis.live.painter import Drawn, LivePainter
from instag.synthesis.live.studio import Studio
from instag.types import SAMPLES, Conditioning
from models.baking import baked, earlier
from pretended import pretended_gpu
from synthesis.live.stage import Kept, noise, play, quiet_studio, speech


def test_what_is_pushed_is_said_with_its_pictures():
    said, output = speech(22), Kept()
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        play(studio, 3)
        session.push_audio(said)
        session.end_of_audio()
        play(studio, 22)
        play(studio, 20, paint=False)
    heard = output.heard.reshape(-1, SAMPLES)
    assert output.numbers == list(range(45))
    np.testing.assert_array_equal(heard[3:25].reshape(-1), said)
    assert not heard[:3].any()
    assert not heard[25:].any()
    assert sorted(output.pictures) == list(range(25))
    assert output.states == ["idle", "speaking", "idle"]
    lips = [int(np.abs(output.pictures[n].astype(int) - output.pictures[0]).sum()) for n in (2, 20)]
    assert lips[0] < lips[1]


def test_late_pictures_are_skipped_and_sound_is_not():
    output = Kept()
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        for _ in range(4):
            play(studio, 2, paint=False)
            studio.paint_planned()
    assert output.numbers == list(range(8))
    assert sorted(output.pictures) == [1, 3, 5, 7]
    assert session.metrics.skipped == 4


def test_in_haste_sound_goes_out_unheard():
    output = Kept()
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        session.push_audio(noise(6))
        session.end_of_audio()
        for number in range(6):
            studio.plan_frame(in_haste=number % 2 == 1)
    np.testing.assert_array_equal(output.heard, noise(6))


def test_an_interruption_empties_both_queues_within_a_frame():
    output = Kept()
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        session.push_audio(noise(50))
        play(studio, 10, paint=False)
        session.clear_buffer()
        assert output.cleared_at == [10]
        assert session.waiting_s == 0
        play(studio, 5, paint=False)
        assert not output.heard[10 * SAMPLES :].any()
        session.push_audio(noise(1))
        session.end_of_audio()
        play(studio, 1, paint=False)
    np.testing.assert_array_equal(output.heard[15 * SAMPLES :], noise(1))


def test_a_microphone_is_said_at_once_and_gives_way_to_pushed_sound():
    output, voice = Kept(), noise(12)
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        for start in range(0, len(voice), SAMPLES):
            session.push_microphone(voice[start : start + SAMPLES])
            play(studio, 1)
        heard = output.heard
        begin = int(np.flatnonzero(heard)[0]) // SAMPLES
        assert begin <= 6
        said = heard[begin * SAMPLES :]
        np.testing.assert_array_equal(said, voice[: len(said)])
        assert output.states[:2] == ["idle", "listening"]
        session.push_audio(2 * noise(3))
        session.end_of_audio()
        session.push_microphone(voice)
        play(studio, 10, paint=False)
    assert session.waiting_s == 0
    expected = np.concatenate([voice[len(said) :], 2 * noise(3)])
    tail = output.heard[len(heard) :]
    np.testing.assert_array_equal(tail[: len(expected)], expected)
    assert not tail[len(expected) :].any()


def test_sessions_of_all_avatars_are_painted_together(monkeypatch):
    other = replace(earlier(), info=replace(earlier().info, source="other"))
    batches: list[int] = []

    def painted(painter: LivePainter, frames: list[Drawn]) -> PendingTensor:
        batches.append(len(frames))
        return together(painter, frames)

    with quiet_studio(most_sessions=3) as studio:
        outputs = [Kept() for _ in range(3)]
        for avatar, output in zip((earlier(), earlier(), other), outputs, strict=True):
            studio.open(avatar).attach(output)
        together = LivePainter._started
        monkeypatch.setattr(LivePainter, "_started", painted)
        play(studio, 2)
    assert batches == [3, 3]
    assert all(sorted(output.pictures) == [0, 1] for output in outputs)


def test_full_is_full():
    with quiet_studio(most_sessions=1) as studio:
        session = studio.open(earlier())
        with pytest.raises(StudioFull, match="All 1 places are taken"):
            studio.open(earlier())
        studio.end(session.name)
        studio.open(earlier())


def test_a_busy_machine_takes_no_more():
    with quiet_studio(most_sessions=4) as studio:
        studio.open(earlier()).attach(Kept())
        studio._paint.append(0.03)
        with pytest.raises(StudioFull, match="60 ms of the 40"):
            studio.open(earlier())


def test_unused_sessions_are_freed():
    with quiet_studio(idle_s=0.01) as studio:
        unused, shown = studio.open(earlier()), studio.open(earlier())
        shown.attach(Kept())
        time.sleep(0.02)
        studio.plan_frame()
        assert studio.session(unused.name) is None
        assert unused.closed
        assert studio.session(shown.name) is shown


def test_outputs_hear_of_the_end():
    output = Kept()
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        studio.end(session.name)
        studio.plan_frame()
    assert output.is_closed
    assert not output.sounds


def test_heads_that_look_far_ahead_are_refused():
    conditioning = Conditioning(kind="audio", channels=80, steps=16)
    avatar: Avatar = replace(earlier(), info=replace(earlier().info, conditioning=conditioning))
    with quiet_studio() as studio, pytest.raises(BadArgument, match="--speech motion"):
        studio.open(avatar)


def waited_for(there: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not there() and time.monotonic() < until:
        time.sleep(0.01)
    return there()


def test_frames_come_by_themselves_until_the_painter_breaks(monkeypatch):
    output = Kept()
    with Studio() as studio:
        session = studio.open(earlier())
        session.attach(output)
        assert waited_for(lambda: len(output.pictures) >= 5)
        assert session.metrics.intervals_ms.p50 > 0
        monkeypatch.setattr(studio._painter, "paint", lambda frames: 1 / 0)
        assert waited_for(lambda: output.is_closed)
        with pytest.raises(ZeroDivisionError):
            studio.open(earlier())


def test_on_a_gpu_sessions_share_a_batch_and_only_answers_are_waited_for(monkeypatch):
    """The ear's codes and the pictures; nothing else."""
    other, outputs = replace(earlier(), baked=baked()), [Kept() for _ in range(3)]
    with pretended_gpu(monkeypatch) as gpu, torch.no_grad():
        studio = Studio(device="cuda:0", most_sessions=3)
        for avatar, output in zip((earlier(), earlier(), other), outputs, strict=True):
            session = studio.open(avatar)
            session.attach(output)
            session.push_audio(noise(12))
        play(studio, 2)
        gpu.waits.clear()
        play(studio, 2)
        studio.close()
    assert all(wait.endswith("hidden[:count].cpu()") for wait in gpu.waits), gpu.waits
    assert all(sorted(output.pictures) == [0, 1, 2, 3] for output in outputs)
    assert all(output.heard.any() for output in outputs)
