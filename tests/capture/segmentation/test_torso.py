import cv2
import numpy as np

from instag.capture.segmentation.torso import between_sides, composite_over, cut_torso, torso_layer
from instag.types import Region
from painted_head import COLORS, paint, painted_clip


def test_the_torsos_own_colours_are_kept_and_the_background_stays_clear() -> None:
    painted = paint()
    layer = torso_layer(painted.frame, painted.regions)
    body = (painted.regions == Region.TORSO) | (painted.regions == Region.NECK)
    np.testing.assert_array_equal(layer[body][:, :3], painted.frame[body])
    assert (layer[:20, :, 3] == 0).all()
    assert np.median(layer[body][:, 3]) == 255


def test_the_neck_goes_on_under_the_chin_and_darkens() -> None:
    painted = paint()
    layer = torso_layer(painted.frame, painted.regions)
    column = layer[:, 64]
    chin = int(np.nonzero(painted.regions[:, 64] == Region.FACE)[0].max())
    assert (column[chin - 8 : chin, 3] > 240).all(), "12 rows of a picture of 128"
    assert column[chin - 20, 3] == 0
    reds = column[chin - 10 : chin + 1, 0].astype(int)
    assert (np.diff(reds) > 0).all(), "darker with each row upward"
    assert abs(reds[-1] - COLORS[Region.NECK][0]) < 25


def test_torso_over_backdrop_with_the_head_on_it_is_the_frame() -> None:
    painted = paint()
    backdrop = np.full(painted.frame.shape, COLORS[Region.BACKGROUND], np.float32)
    composed = composite_over(backdrop, torso_layer(painted.frame, painted.regions))
    head = painted.regions >= Region.FACE
    composed[head] = painted.frame[head]
    error = np.square(composed - painted.frame).mean()
    assert 10 * np.log10(255**2 / error) > 30


def test_a_head_that_moves_up_shows_no_backdrop_under_its_chin() -> None:
    painted = paint()
    layer = torso_layer(painted.frame, painted.regions)
    moved = np.zeros_like(painted.regions)
    moved[:-6] = painted.regions[6:]
    uncovered = (painted.regions == Region.FACE) & (moved < Region.FACE)
    uncovered[:, :56] = uncovered[:, 72:] = False
    assert uncovered.any()
    assert (layer[uncovered][:, 3] > 200).all()


def test_no_torso_gives_a_clear_layer() -> None:
    painted = paint()
    alone = np.where(painted.regions >= Region.FACE, painted.regions, 0).astype(np.uint8)
    assert not torso_layer(painted.frame, alone).any()


def test_every_frame_of_a_clip_gets_its_layer(tmp_path) -> None:
    clip = painted_clip(tmp_path, 3)
    cut_torso(clip)
    assert clip.torso(2).shape == (*clip.regions(2).shape, 4)


def test_what_hair_and_chin_hide_between_parts_of_the_torso_is_filled() -> None:
    painted = paint()
    regions = painted.regions.copy()
    regions[80:, 70:84] = Region.HAIR
    regions[100:, 50:70] = Region.FACE
    layer = torso_layer(painted.frame, regions)
    body = (regions == Region.TORSO) | (regions == Region.NECK)
    hidden = between_sides(body) & ~body
    assert hidden.sum() > 100
    assert (layer[110:, 50:84, 3] == 255).all()
    assert (layer[hidden][:, :3].max(-1) > 0).all()


def test_between_sides_is_from_the_first_to_the_last_of_each_row() -> None:
    body = np.random.default_rng(0).random((40, 9)) < 0.15
    after, before = (np.maximum.accumulate(body[:, ::way], 1)[:, ::way] for way in (1, -1))
    np.testing.assert_array_equal(between_sides(body), after & before)
    assert not body.any(1).all()


def test_no_rim_of_the_backdrop_is_left_where_there_is_a_matte() -> None:
    painted = paint()
    body = (painted.regions == Region.TORSO) | (painted.regions == Region.NECK)
    person = cv2.GaussianBlur((painted.regions > 0).astype(np.float32), (0, 0), 1.5)
    backdrop = np.array(COLORS[Region.BACKGROUND], np.float32)
    mixed = (
        np.where(body[..., None], painted.frame, backdrop) * person[..., None]
        + (1 - person[..., None]) * backdrop
    )
    layer = torso_layer(mixed.astype(np.uint8), painted.regions, (255 * person).astype(np.uint8))
    rim = body & (person < 0.9) & (np.indices(body.shape)[0] > 110)
    assert rim.any()
    assert np.abs(layer[rim][:, :3].astype(int) - COLORS[Region.TORSO]).max() < 12
    np.testing.assert_array_equal(layer[rim][:, 3], (255 * person).astype(np.uint8)[rim])


def test_hair_that_hangs_beside_the_neck_stays_behind_the_head() -> None:
    painted = paint()
    regions, frame = painted.regions.copy(), painted.frame.copy()
    regions[60:96, 36:92] = np.where(
        regions[60:96, 36:92] == Region.BACKGROUND, np.uint8(Region.HAIR), regions[60:96, 36:92]
    )
    hair = regions == Region.HAIR
    frame[hair] = COLORS[Region.HAIR]
    layer = torso_layer(frame, regions)
    beside = layer[84, 46:49]
    assert (beside[:, 3] > 200).all()
    assert np.abs(beside[:, :3].astype(int) - COLORS[Region.HAIR]).max() < 40
    assert not layer[66, 37:39, 3].any(), "the outline of the hair moves with the head"
