import numpy as np

from instag.capture.segmentation.appearance_model import (
    CLASSES,
    AppearanceModel,
    HeadView,
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
