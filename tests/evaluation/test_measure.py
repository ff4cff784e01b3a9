"""The whole measurement: the truth is perfect in every row, and what spoils pictures or lips shows
in the rows that should tell of it."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluation.talk import FRAMES, SIZE, faceless, judged, mute, numbers, perfect, take
from instag.errors import BadArgument
from instag.evaluation import measure as measuring
from instag.evaluation.crops import PLACES, boxes
from instag.evaluation.held_out import FramePair
from instag.evaluation.image import PERFECT_DB
from instag.evaluation.measure import SILENT_RUN, frame_loudness, measure, silence
from instag.evaluation.metric_rows import rows_of
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.syncnet import SyncNet
from instag.evaluation.syncnet_scores import Sync


def test_the_truth_itself_is_perfect_in_each_row():
    measured = rows_of(perfect())
    for row in measured:
        if isinstance(row.value, NotMeasured):
            assert row.key.startswith(("lpips", "sync", "silent_movement")), row
        elif row.key.startswith("psnr"):
            assert row.value == PERFECT_DB
        elif row.better:
            wanted = {"zero": 0, "one": 1}.get(row.better) if row.truth is None else row.truth
            assert row.value == pytest.approx(wanted, abs=1e-6), row
    assert {row.key for row in measured if row.better} > {
        "jitter",
        "change_head",
        "aue_lower",
        "lmd",
        "aperture_lag",
        "closure_precision",
    }


def worse(measured: dict[str, float], key: str) -> float:
    return -measured[key] if key.startswith(("psnr", "ssim")) else measured[key]


SPOILT = {
    "blur": lambda picture, strength, _: cv2.GaussianBlur(picture, (0, 0), 0.6 * strength),
    "noise": lambda picture, strength, index: np.clip(
        picture + np.random.default_rng(index).normal(0, 4 * strength, picture.shape), 0, 255
    ).astype(np.uint8),
    "shift": lambda picture, strength, _: np.roll(picture, strength, axis=0),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_each_likeness_worsens_with_the_pictures(kind):
    path = [
        numbers(perfect()),
        *(
            numbers(
                judged(
                    [
                        SPOILT[kind](picture, strength, index)
                        for index, picture in enumerate(take().pictures)
                    ]
                )
            )
            for strength in (1, 3)
        ),
    ]
    for key in [f"{name}_{place}" for name in ("psnr", "ssim") for place in PLACES]:
        values = [worse(measured, key) for measured in path]
        assert values[0] < values[1] < values[2], key
    if kind == "noise":
        assert path[0]["change_full"] < path[1]["change_full"] < path[2]["change_full"]
    if kind == "shift":
        assert path[2]["lmd"] == pytest.approx(3, abs=0.5)
        assert path[2]["lmd_centred"] < 0.2 * path[2]["lmd"]
        assert path[2]["aperture_correlation"] > 0.95


def with_mouth_moved(picture: np.ndarray, landmarks: np.ndarray, by: int) -> np.ndarray:
    mouth, moved = boxes((SIZE, SIZE), landmarks)["mouth"], picture.copy()
    moved[mouth.top + by : mouth.bottom + by, mouth.left : mouth.right] = mouth.cut(picture)
    return moved


def test_a_shifted_mouth_is_found_where_it_is():
    truths = [take().performance.truth(index).landmarks for index in range(FRAMES)]
    measured = numbers(
        judged(
            [
                with_mouth_moved(picture, truth, 3)
                for picture, truth in zip(take().pictures, truths, strict=True)
            ]
        )
    )
    assert 1.5 < measured["lmd"] < 4.5
    assert measured["lmd_centred"] < 0.6 * measured["lmd"]
    assert measured["psnr_mouth"] < measured["psnr_face"] < measured["psnr_full"]


@pytest.mark.parametrize("delay", [-3, 5])
def test_a_delay_is_the_reported_lag(delay):
    measured = numbers(
        judged(
            [take().pictures[int(np.clip(index - delay, 0, FRAMES - 1))] for index in range(FRAMES)]
        )
    )
    assert measured["aperture_lag"] == measured["jaw_lag"] == delay
    assert measured["aperture_lag_correlation"] > 0.95 > measured["aperture_correlation"]
    assert measured["lmd"] > 0.1


def test_frozen_lips_do_not_move():
    measured = numbers(judged(mute()))
    assert measured["aperture_movement"] < 0.25
    assert measured["closure_precision"] == pytest.approx(
        measured["closure_precision_by_chance"], abs=0.1
    )
    assert measured["change_head"] < numbers(perfect())["change_head"]


def test_one_picture_for_all_frames_stands_still():
    measured = numbers(judged([take().pictures[0]] * FRAMES))
    assert measured["aperture_movement"] < 0.15
    assert measured["change_full"] == measured["change_head"] == 0


def test_where_no_face_is_found_it_is_said():
    rows = {row.key: row for row in rows_of(faceless())}
    assert rows["faceless"].value == 10
    for key in (
        "psnr_mouth",
        "lmd",
        "aperture_correlation",
        "closure_recall",
        "silent_movement",
        "sync_confidence",
        "aue_upper",
        "jitter",
        "change_head",
    ):
        assert isinstance(rows[key].value, NotMeasured), key
    assert isinstance(rows["psnr_full"].value, float)
    assert np.isnan(faceless().per_frame.psnr["mouth"]).all()


def test_syncnet_sees_the_truth_and_the_prediction_alike(monkeypatch):
    monkeypatch.setattr(
        SyncNet,
        "embed_faces",
        lambda self, crops: crops.mean((1, 2, 3))[2:-2, None].expand(-1, 1024),
    )
    monkeypatch.setattr(
        measuring,
        "embed_speech",
        lambda network, speech: torch.randn(
            FRAMES - 5, 1024, generator=torch.Generator().manual_seed(0)
        ),
    )
    found = judged(take().pictures, syncnet=SyncNet()).sync
    assert isinstance(found.prediction, Sync)
    assert isinstance(found.truth, Sync)
    assert found.prediction.confidence == found.truth.confidence


def test_without_sound_there_is_no_synchrony():
    grey = [
        FramePair(
            index=0,
            prediction=np.full((32, 32, 3), 99, np.uint8),
            truth=np.full((32, 32, 3), 90, np.uint8),
        )
    ]
    found = measure(grey, speech=NotMeasured("mute"), syncnet=SyncNet()).sync
    assert found.prediction == found.truth == NotMeasured("mute")


def test_nothing_to_compare_is_an_error():
    with pytest.raises(BadArgument, match="no frame to compare"):
        measure([], speech=NotMeasured("there is no sound"), syncnet=NotMeasured("none"))


def test_frames_are_counted_while_they_pass():
    seen = []
    grey = [
        FramePair(
            index=index,
            prediction=np.full((32, 32, 3), 99, np.uint8),
            truth=np.full((32, 32, 3), 90, np.uint8),
        )
        for index in range(4)
    ]
    measure(
        grey,
        speech=NotMeasured("mute"),
        syncnet=NotMeasured("none"),
        total=4,
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_loudness_is_each_frames_and_a_sound_that_ends_is_silent():
    assert frame_loudness(np.full(640 * 3 + 320, 0.5, np.float32), 6) == pytest.approx(
        [0.5, 0.5, 0.5, 0.5 / np.sqrt(2), 0, 0]
    )


@given(st.lists(st.sampled_from([0.0, 0.001, 0.3, 0.5]), min_size=1, max_size=60))
def test_silence_is_low_and_lasts(loudness):
    found = silence(np.array(loudness))
    runs = "".join("x" if each else " " for each in found).split()
    assert all(len(run) >= SILENT_RUN for run in runs)
    assert not found[np.array(loudness) > 0.1 * np.quantile(loudness, 0.9)].any()


def test_a_mute_recording_is_silent_throughout():
    assert silence(np.zeros(10)).all()
