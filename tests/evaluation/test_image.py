import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from skimage.metrics import structural_similarity as reference_ssim

from evaluation.measured_number import number
from instag.errors import BadArgument
from instag.evaluation.crops import Box
from instag.evaluation.image import PERFECT_DB, compare_pictures, psnr
from instag.evaluation.not_measured import NotMeasured
from instag.ops import lpips

FULL = Box(left=0, top=0, right=72, bottom=60)
FACE = Box(left=13, top=8, right=56, bottom=49)


@pytest.fixture(scope="module")
def network():
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for layer, (index, shape) in enumerate(
        {
            0: (64, 3, 11, 11),
            3: (192, 64, 5, 5),
            6: (384, 192, 3, 3),
            8: (256, 384, 3, 3),
            10: (256, 256, 3, 3),
        }.items()
    ):
        weights[f"features.{index}.weight"] = torch.randn(shape, generator=generator) * 0.05
        weights[f"features.{index}.bias"] = torch.zeros(shape[0])
        weights[f"lin{layer}.model.1.weight"] = torch.rand(1, shape[0], 1, 1, generator=generator)
    return lpips.Lpips(weights)


def scene(seed: int = 0) -> np.ndarray:
    """A picture with edges, flat parts and grain."""
    random = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(random.random((60, 72, 3)), (0, 0), 3)
    blobs = (blobs - blobs.min()) / np.ptp(blobs)
    blobs[20:40, 30:50] = 0.05
    return (
        (np.clip(blobs + random.normal(0, 0.02, blobs.shape), 0, 1) * 255).round().astype(np.uint8)
    )


def worsened(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed + 100).normal(0, 12, (60, 72, 3))
    return np.clip(cv2.GaussianBlur(scene(seed), (0, 0), 1) + noise, 0, 255).astype(np.uint8)


def reference(picture: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    one, other = picture / 255, truth / 255
    ssim = reference_ssim(
        one,
        other,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=-1,
    )
    assert not isinstance(ssim, tuple)
    return float(peak_signal_noise_ratio(other, one, data_range=1)), float(ssim)


@given(st.integers(0, 1000))
def test_each_number_is_scikit_images_of_the_cut_pictures(seed):
    picture, truth = worsened(seed), scene(seed)
    for place, measured in compare_pictures(
        picture, truth, {"full": FULL, "face": FACE}, None
    ).items():
        box = {"full": FULL, "face": FACE}[place]
        decibels, likeness = reference(box.cut(picture), box.cut(truth))
        assert measured.psnr == pytest.approx(decibels, abs=1e-4)
        assert measured.ssim == pytest.approx(likeness, abs=1e-4)


def test_batches_and_boxes_share_one_definition():
    pairs = [(worsened(seed), scene(seed)) for seed in (3, 4)]
    pictures, truths = (
        torch.from_numpy(np.stack(images)).float() / 255 for images in zip(*pairs, strict=True)
    )
    alone = [
        compare_pictures(picture, truth, {"full": FULL}, None)["full"] for picture, truth in pairs
    ]
    assert psnr(pictures, truths) == pytest.approx([one.psnr for one in alone], abs=1e-4)


def test_equal_pictures_are_perfect(network):
    for measured in compare_pictures(
        scene(), scene(), {"full": FULL, "face": FACE}, network
    ).values():
        assert measured.psnr == PERFECT_DB
        assert measured.ssim == pytest.approx(1, abs=1e-6)
        assert measured.lpips == 0


def numbers(picture: np.ndarray, network: lpips.Lpips) -> np.ndarray:
    measured = compare_pictures(picture, scene(), {"full": FULL, "face": FACE}, network)
    rows = ((-number(one.psnr), -number(one.ssim), number(one.lpips)) for one in measured.values())
    return np.array(list(rows))


@pytest.mark.parametrize(
    "worsen",
    [
        lambda picture, strength: cv2.GaussianBlur(picture, (0, 0), 0.5 * strength),
        lambda picture, strength: np.roll(picture, strength // 2 + 1, axis=0),
        lambda picture, strength: np.clip(
            picture + np.random.default_rng(7).normal(0, 6 * strength, picture.shape), 0, 255
        ).astype(np.uint8),
    ],
    ids=["blur", "shift", "noise"],
)
def test_every_number_worsens_as_the_picture_does(network, worsen):
    path = [numbers(worsen(scene(), strength), network) for strength in (1, 2, 4)]
    assert (np.diff([numbers(scene(), network), *path], axis=0) > 0).all()


def test_lpips_of_a_box_is_that_of_the_cut_pictures(network):
    inside = compare_pictures(worsened(), scene(), {"face": FACE}, network)["face"].lpips
    cut = [
        torch.from_numpy(FACE.cut(image).copy())[None].float() / 255
        for image in (worsened(), scene())
    ]
    assert inside == pytest.approx(float(network(*cut)), rel=1e-4)


def test_what_can_not_be_measured_is_said(network):
    assert "instag assets get lpips" in str(
        compare_pictures(scene(), scene(), {"full": FULL}, None)["full"].lpips
    )
    tiny = compare_pictures(
        scene(), scene(), {"mouth": Box(left=0, top=0, right=9, bottom=31)}, network
    )["mouth"]
    assert isinstance(tiny.lpips, NotMeasured)
    assert isinstance(tiny.ssim, NotMeasured)
    assert tiny.psnr == PERFECT_DB


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(
        BadArgument, match="36x60 pixels cannot be compared with a true one of 72x60"
    ):
        compare_pictures(scene()[:, :36], scene(), {"full": FULL}, None)
