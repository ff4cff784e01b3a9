import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.capture.appearance import BACKGROUND, FACE, learn_appearance, posterior, view
from instag.capture.parts import parts
from instag.capture.regions import Belief, clean, label, label_regions
from instag.capture.teeth import mouth_inside, teeth_likeness
from instag.types import Region
from painted_head import SIZE, paint, painted_clip, person_mask, rest_face


@given(st.integers(0, 10_000))
def test_clean_leaves_one_person_and_one_head(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.random((8, 8, 5), np.float32)
    labels = clean(np.repeat(np.repeat(coarse, 8, 0), 8, 1))
    assert len(parts(labels != BACKGROUND)[1]) <= 2
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
    learned = learn_appearance([seen])
    mouth = mouth_inside(painted.landmarks, (SIZE, SIZE))
    belief = Belief(
        image=seen.image,
        classes=posterior(seen, learned.log_atlas, learned.palette),
        mouth=mouth,
        teeth=teeth_likeness(painted.frame, mouth, learned.skin),
    )
    labels = label(belief, belief, belief)
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
        inside = mouth_inside(clip.track().landmarks[index], (SIZE, SIZE)) > 0
        np.testing.assert_array_equal(labels >= Region.MOUTH, inside)
        assert labels[54, 64] == Region.FACE
