import numpy as np

from instag.capture.segmentation.appearance_model import BINS, ColorHistogram, bin_numbers


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
