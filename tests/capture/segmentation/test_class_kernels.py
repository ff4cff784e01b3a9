"""Each compiled pass over class probabilities, beside the formula it computes."""

import numpy as np
import pytest

from instag.capture.segmentation import class_kernels as kernels

SHAPE = (9, 11)
RANDOM = np.random.default_rng(0)


def probabilities() -> np.ndarray:
    found = RANDOM.random((*SHAPE, 5), np.float32)
    return found / found.sum(-1, keepdims=True)


def test_a_frame_is_mixed_with_the_one_before_where_nothing_changed() -> None:
    now, before = probabilities(), probabilities()
    change = RANDOM.integers(0, 256, SHAPE, np.uint8)
    history, mixed = np.linspace(3, 0, 256).astype(np.float32), np.empty_like(now)
    kernels.mix_before(now, before, change, history, mixed)
    weight = history[change][..., None]
    np.testing.assert_array_equal(mixed, (now + weight * before) / (1 + weight))


def test_a_frame_is_mixed_with_both_of_its_neighbours() -> None:
    now, before, after = (probabilities() for _ in range(3))
    since, until = RANDOM.integers(0, 256, (2, *SHAPE), np.uint8)
    history, mixed = np.linspace(0.5, 0, 256).astype(np.float32), np.empty_like(now)
    kernels.mix_both(now, before, after, since, until, history, mixed)
    one, other = history[since][..., None], history[until][..., None]
    np.testing.assert_array_equal(mixed, (now + one * before + other * after) / (1 + one + other))


def test_the_first_of_equally_likely_classes_is_taken() -> None:
    classes, weights = probabilities(), np.array([0.65, 1, 1, 1, 1], np.float32)
    classes[0] = 1 / 5
    labels = np.empty(SHAPE, np.uint8)
    kernels.most_likely(classes, weights, labels)
    np.testing.assert_array_equal(labels, (classes * weights).argmax(-1))
    assert (labels[0] == 1).all()


def evidence(
    score: np.ndarray, *, absent: float = 0, present: float = 0, skin: float = 0, **changes
) -> np.ndarray:
    """The scores with evidence that tells nothing, but for what is given."""
    given = {
        "image": np.zeros((*SHAPE, 3), np.uint8),
        "table": np.zeros((kernels.BINS**3, 5), np.float32),
        "oval": np.zeros(SHAPE, np.uint8),
        "to_head": np.array([[0, 0, 1.2], [0, 0, 0.3]]),  # beside the cheek
        **changes,
    }
    found = score.copy()
    absence, presence, odds = (
        np.full(SHAPE, value, np.float32) for value in (absent, present, skin)
    )
    image, table, oval, to_head = (given[name] for name in ("image", "table", "oval", "to_head"))
    kernels.add_evidence(
        found, image, np.float32(0.7), table, absence, presence, odds, oval, to_head
    )
    assert (found.max(-1) == 0).all()
    return found


def test_scores_become_probabilities() -> None:
    score = RANDOM.normal(0, 20, (*SHAPE, 5)).astype(np.float32)
    found = evidence(score)
    score[..., 1] -= 4  # no torso beside the cheek
    true = np.exp(score.astype(float)) / np.exp(score.astype(float)).sum(-1, keepdims=True)
    np.exp(found, out=found)
    kernels.divide_by_sum(found)
    np.testing.assert_allclose(found, true, atol=1e-5)


def test_medians_are_numpy_s() -> None:
    colors, mask = RANDOM.integers(0, 256, (2, *SHAPE, 3), np.uint8)
    for least in (0, 128, 200, np.sort(mask[..., 0].ravel())[-1]):
        chosen, found = (mask[..., 0] >= least).view(np.uint8), np.empty(3, np.float32)
        kernels.medians(colors, chosen, found)
        np.testing.assert_array_equal(found, np.median(colors[chosen > 0], 0))


@pytest.mark.parametrize(
    ("color", "odds"), [((150, 150, 110), 1.5), ((150, 120, 140), -5.0), ((2, 128, 128), -2.0)]
)
def test_skin_is_told_by_its_chroma_and_not_in_the_dark(
    color: tuple[int, int, int], odds: float
) -> None:
    colors = np.full((*SHAPE, 3), color, np.uint8)
    likeness, unlike, dark = np.empty((3, *SHAPE), np.float32)
    kernels.skin_terms(colors, np.array([150, 150, 110], np.float32), likeness, unlike, dark)
    np.exp(likeness, out=likeness)
    kernels.skin_log_odds(likeness, unlike, dark)
    np.testing.assert_allclose(likeness, odds, atol=0.15)


def test_terms_go_to_their_classes() -> None:
    score = np.zeros((*SHAPE, 5), np.float32)
    found = evidence(score, absent=-3, present=-0.1, skin=-2)
    np.testing.assert_allclose(found[0, 0], [-2.9, -4, -2, -1, 0], atol=1e-6)
    image = RANDOM.integers(0, 256, (*SHAPE, 3), np.uint8)
    table = RANDOM.random((kernels.BINS**3, 5), np.float32)
    bins = [image[..., channel].astype(int) >> 3 for channel in range(3)]
    expected = 0.7 * table[(bins[0] * 32 + bins[1]) * 32 + bins[2]] - [0, 4, 0, 0, 0]
    expected -= expected.max(-1, keepdims=True)
    np.testing.assert_allclose(evidence(score, image=image, table=table), expected, atol=1e-6)


def test_inside_the_oval_is_the_face() -> None:
    oval = np.zeros(SHAPE, np.uint8)
    oval[2:7, 3:8] = 1
    to_head = np.array([[0.2, 0, -1.1], [0, -0.2, 1.5]])
    found = evidence(np.zeros((*SHAPE, 5), np.float32), oval=oval, to_head=to_head)
    assert found[6, 5].argmax() == found[2, 5].argmax() == 3
    assert found[6, 5, 4] < found[2, 5, 4] == -3, "hair may cover the forehead alone"
    assert (found[8, :, 3] < 0).all(), "no face below the jaw"


def test_colours_are_counted_where_a_class_is_likely() -> None:
    classes, near = RANDOM.random((*SHAPE, 5), np.float32), RANDOM.integers(0, 2, SHAPE, np.uint8)
    bins, counts = RANDOM.integers(0, 7, SHAPE, np.int32), np.ones((7, 5))
    kernels.count_colors(bins, classes, near, np.float32(0.6), counts)
    weights = np.where(classes > np.float32(0.6), classes, 0)
    weights[near == 0, 0] = 0
    for label in range(5):
        expected = np.bincount(bins.ravel(), weights[..., label].ravel(), 7)
        np.testing.assert_allclose(counts[:, label], 1 + expected, rtol=1e-12)
