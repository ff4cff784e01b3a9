import numpy as np

from instag.capture.segmentation.appearance_model import (
    BINS,
    CLASSES,
    AppearanceModel,
    ColorHistogram,
    HeadView,
    bin_numbers,
    fit_appearance_model,
    posterior,
    prior_atlas,
    view,
)
from instag.types import Region
from painted_head import paint, person_mask, rest_face


def views() -> list[HeadView]:
    found = []
    for x in (-4, 0, 4, 6):
        painted = paint((x, 0), noise=6)
        found.append(
            view(painted.frame, person_mask(painted.regions), painted.landmarks, rest_face())
        )
    return found


def test_rough_atlas_is_a_distribution_over_the_classes() -> None:
    atlas = prior_atlas()
    assert (atlas > 0).all()
    np.testing.assert_allclose(atlas.sum(-1), 1, atol=1e-5)


def test_regions_of_a_painted_head_are_found_again() -> None:
    seen = views()
    learned = fit_appearance_model(seen)
    assert isinstance(learned, AppearanceModel)
    for view_, x in zip(seen, (-4, 0, 4, 6), strict=True):
        belief = posterior(view_, learned.log_atlas, learned.histogram)
        np.testing.assert_allclose(belief.sum(-1), 1, atol=1e-4)
        labels = belief.argmax(-1)
        truth = paint((x, 0)).regions[::2, ::2]
        for region in CLASSES:
            true = truth >= Region.MOUTH if region == Region.FACE else np.zeros_like(truth, bool)
            true |= truth == region
            overlap = ((labels == region) & true).sum() / ((labels == region) | true).sum()
            assert overlap > (0.7 if region == Region.NECK else 0.85), (
                f"{region.name} at {x}: {overlap:.2f}"
            )


def counted(bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    counts = np.zeros((BINS**3, weights.shape[1]))
    np.add.at(counts, bins, weights)
    return counts


def test_a_colour_is_likeliest_in_the_class_that_it_was_learned_in() -> None:
    rng = np.random.default_rng(0)
    red = np.clip(rng.normal((200, 40, 40), 12, (400, 3)), 0, 255).astype(np.uint8)
    blue = np.clip(rng.normal((40, 40, 200), 12, (400, 3)), 0, 255).astype(np.uint8)
    weights = np.repeat(np.eye(2, dtype=np.float32), 400, 0)
    histogram = ColorHistogram.estimate(counted(bin_numbers(np.concatenate([red, blue])), weights))
    picture = np.array([[(205, 45, 35), (35, 45, 190), (20, 220, 20)]], np.uint8)
    likelihood = histogram(picture)[0]
    assert likelihood[0, 0] > likelihood[0, 1] + 3
    assert likelihood[1, 1] > likelihood[1, 0] + 3
    assert abs(likelihood[2, 0] - likelihood[2, 1]) < 1e-3, (
        "a colour never seen speaks for no class"
    )


def test_a_class_without_pixels_is_flat_at_the_floor() -> None:
    bins = bin_numbers(np.zeros((1, 4, 3), np.uint8)).ravel()
    histogram = ColorHistogram.estimate(counted(bins, np.array([[1, 0]] * 4, np.float32)))
    assert np.ptp(histogram.log_likelihood[:, 1]) == 0
