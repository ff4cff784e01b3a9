import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.capture.segmentation.appearance_model import (
    BACKGROUND,
    FACE,
    HAIR,
    fit_appearance_model,
    posterior,
    view,
)
from instag.capture.segmentation.label import (
    FrameLabels,
    _enclosed_hair,
    _filter_in_time,
    clean,
    label,
    label_regions,
)
from instag.capture.segmentation.lips import without_lips
from instag.capture.segmentation.teeth import mouth_inside, teeth_likeness
from instag.perception.connected_components import Components
from instag.types import Region
from painted_head import SIZE, paint, painted_clip, person_mask, rest_face


@given(st.integers(0, 10_000))
def test_clean_leaves_one_person_and_one_head(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.random((8, 8, 5), np.float32)
    labels = clean(np.repeat(np.repeat(coarse, 8, 0), 8, 1))
    assert len(Components.of(labels != BACKGROUND).table) <= 2
    assert labels.max() < Region.MOUTH


def test_clean_gives_islands_and_holes_to_what_is_around_them() -> None:
    truth = np.minimum(paint(opening=0).regions, Region.HAIR)
    spoiled = truth.copy()
    spoiled[60:63, 60:63] = Region.BACKGROUND
    spoiled[10:13, 5:8] = Region.HAIR
    spoiled[120:122, 100:102] = Region.NECK
    cleaned = clean(np.eye(5, dtype=np.float32)[spoiled])
    assert cleaned[61, 61] == FACE
    assert cleaned[11, 6] == BACKGROUND
    assert cleaned[121, 101] == Region.TORSO
    assert (cleaned != truth).mean() < 0.002


def test_mouth_and_teeth_are_drawn_into_the_face() -> None:
    painted = paint(opening=2.0)
    seen = view(painted.frame, person_mask(painted.regions), painted.landmarks, rest_face())
    learned = fit_appearance_model([seen])
    mouth = mouth_inside(painted.landmarks, (SIZE, SIZE))
    frame_labels = FrameLabels(
        soft=seen.image,
        classes=posterior(seen, learned.log_atlas, learned.histogram),
        mouth=mouth,
        teeth=teeth_likeness(painted.frame, mouth, learned.skin),
    )
    labels = label(frame_labels, frame_labels, frame_labels)
    assert labels.shape == (SIZE, SIZE)
    np.testing.assert_array_equal(labels >= Region.MOUTH, mouth > 0)
    head, true = labels >= Region.FACE, painted.regions >= Region.FACE
    assert (head & true).sum() / (head | true).sum() > 0.93


@pytest.mark.parametrize("count", [1, 4])
def test_every_frame_of_a_clip_is_labelled(tmp_path, count: int) -> None:
    clip = painted_clip(tmp_path, count)
    reports: list[tuple[int, int]] = []
    label_regions(clip, lambda done, total: reports.append((done, total)))
    assert reports == [(index + 1, count) for index in range(count)]
    for index in range(count):
        labels = clip.regions(index)
        landmarks = clip.track().landmarks[index]
        contour = mouth_inside(landmarks, (SIZE, SIZE))
        inside = without_lips(contour, clip.frame(index), landmarks) > 0
        np.testing.assert_array_equal(labels >= Region.MOUTH, inside)
        assert inside.sum() > 0.8 * contour.sum()
        assert labels[54, 64] == Region.FACE


def test_beliefs_of_a_still_picture_settle_and_a_change_is_followed() -> None:
    rng = np.random.default_rng(0)
    still, other = np.full((8, 8, 3), 90, np.uint8), np.full((8, 8, 3), 140, np.uint8)
    labelled_frames = []
    for turn in range(24):
        likely = np.clip((0.5 if turn < 20 else 0.9) + rng.normal(0, 0.1, (8, 8, 1)), 0, 1).astype(
            np.float32
        )
        classes = np.concatenate([likely, 1 - likely], -1)
        nothing = np.zeros((16, 16))
        labelled_frames.append(
            FrameLabels(
                soft=still if turn < 20 else other,
                classes=classes,
                mouth=nothing.astype(np.uint8),
                teeth=nothing.astype(np.float32),
            )
        )
    steady = [frame_labels.classes for frame_labels in _filter_in_time(iter(labelled_frames))]
    raw = [frame_labels.classes for frame_labels in labelled_frames]
    flicker = lambda series: np.abs(np.diff(np.stack(series[5:20]), axis=0)).mean()  # noqa: E731
    assert flicker(steady) < 0.45 * flicker(raw)
    np.testing.assert_allclose(steady[20], raw[20], atol=1e-6)
    np.testing.assert_allclose(steady[10].sum(-1), 1, atol=1e-5)


def test_a_shadow_on_the_forehead_is_not_hair() -> None:
    labels = np.full((64, 64), FACE, np.uint8)
    labels[:10] = HAIR
    labels[30:34, 30:34] = HAIR
    labels[40:44, :4] = HAIR
    labels[40:44, 4] = 0
    enclosed = _enclosed_hair(labels, 100)
    assert enclosed.sum() == 16
    assert enclosed[31, 31]
