import cv2
import numpy as np
import pytest
from jaxtyping import Float

from instag.capture.segmentation.background import build_backdrop
from instag.capture.segmentation.matting import BackgroundPlate, alpha_matte, cut_mattes
from instag.data.head_mask import head_alpha_uint8
from instag.types import Region
from painted_head import painted_clip

SIZE = 256
HAIR_COLOR, BACKDROP = np.array([40, 30, 25], np.float32), np.array([190, 200, 205], np.float32)


@pytest.fixture
def share() -> Float[np.ndarray, "h w"]:
    """The true alpha of a disc with a soft edge and a strand that stands off it."""
    disc = np.zeros((SIZE, SIZE), np.float32)
    cv2.circle(disc, (128, 128), 60, (1.0,), -1)
    disc = cv2.GaussianBlur(disc, (0, 0), 1.5)
    cv2.line(disc, (128, 66), (134, 64), (0.7,), 1)
    return disc


def seen(share: Float[np.ndarray, "h w"]) -> np.ndarray:
    return (BACKDROP + share[..., None] * (HAIR_COLOR - BACKDROP)).astype(np.uint8)


def regions(share: Float[np.ndarray, "h w"], label: Region = Region.HAIR) -> np.ndarray:
    """What a rough segmenter says: a disc that misses the strand and is 2 pixels too large."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(labels, (128, 128), 62, (int(label),), -1)
    return labels


def behind(known: bool = True) -> BackgroundPlate:
    return BackgroundPlate(
        image=np.full((SIZE, SIZE, 3), BACKDROP, np.uint8), seen=np.full((SIZE, SIZE), known)
    )


def test_a_soft_edge_and_a_strand_are_found(share: Float[np.ndarray, "h w"]) -> None:
    found = alpha_matte(seen(share), regions(share), behind()) / 255
    hard = (regions(share) > 0).astype(float)
    band = np.abs(np.hypot(*(np.indices((SIZE, SIZE)) - 127.5)) - 61) < 8
    assert np.abs(found - share)[band].mean() < 0.35 * np.abs(hard - share)[band].mean()
    assert found[65, 131] > 0.25


def test_far_from_the_outline_all_is_sure(share: Float[np.ndarray, "h w"]) -> None:
    found = alpha_matte(seen(share), regions(share), behind())
    assert (found[100:156, 100:156] == 255).all()
    assert (found[:40] == 0).all()


def test_what_looks_like_the_backdrop_keeps_the_regions_outline(
    share: Float[np.ndarray, "h w"],
) -> None:
    flat = np.full((SIZE, SIZE, 3), BACKDROP, np.uint8)
    found = alpha_matte(flat, regions(share, Region.FACE), behind())
    assert ((found > 127) == (regions(share) > 0)).mean() > 0.995


def test_what_no_frame_showed_gets_a_narrow_edge(share: Float[np.ndarray, "h w"]) -> None:
    found = alpha_matte(seen(share), regions(share), behind(known=False))
    assert found[63, 133] == 0


def test_no_person_is_an_empty_matte() -> None:
    assert not alpha_matte(
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        BackgroundPlate(image=np.zeros((64, 64, 3), np.uint8), seen=np.ones((64, 64), bool)),
    ).any()


def test_every_frame_of_a_clip_gets_its_matte(tmp_path) -> None:
    clip = painted_clip(tmp_path, 3)
    assert not clip.has_mattes
    build_backdrop(clip)
    assert clip.backdrop_seen().any()
    cut_mattes(clip)
    assert clip.has_mattes
    agreement = (clip.matte(2) > 127) == (clip.regions(2) > 0)
    assert agreement.mean() > 0.97


def test_the_persons_soft_edge_belongs_to_the_nearest_part():
    regions = np.zeros((8, 8), np.uint8)
    regions[2:4, 2:6], regions[4:, 2:6] = Region.HAIR, Region.TORSO
    regions[3, 3] = Region.MOUTH
    person = np.full((8, 8), 90, np.uint8)
    share = head_alpha_uint8(person, regions)
    assert share[1, 3] == share[2, 3] == 90, "hair, and above it"
    assert share[3, 3] == share[5, 3] == share[6, 1] == 0, "mouth, torso, and beside it"
    assert (head_alpha_uint8(None, regions) > 0).sum() == 7
