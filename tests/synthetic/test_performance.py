import numpy as np
import pytest

from instag.errors import BadArgument
from instag.media.reader import probe, read_sound
from instag.synthetic import Speaker, perform, recording, write_video
from instag.synthetic.performance import spoken
from instag.types import Region


@pytest.fixture(scope="module")
def performance():
    return perform(Speaker(0, size=96), recording(), seconds=2.0, size=96)


def test_every_region_has_its_place(performance):
    regions = performance.truth(0).regions
    heights = {
        region: np.argwhere(regions == region)[:, 0].mean()
        for region in (Region.HAIR, Region.FACE, Region.NECK, Region.TORSO)
    }
    assert heights[Region.HAIR] < heights[Region.NECK] < heights[Region.TORSO]
    assert heights[Region.FACE] < heights[Region.NECK]
    assert (regions[0] == Region.BACKGROUND).mean() > 0.5
    assert 0.08 < (regions == Region.FACE).mean() < 0.35


def test_landmarks_lie_on_what_they_name(performance):
    truth = performance.truth(0)
    points = truth.landmarks[:, :2].astype(int)
    for index in (1, 50, 280, 199, 168):
        assert truth.regions[points[index, 1], points[index, 0]] == Region.FACE
    assert truth.landmarks[33, 0] < truth.landmarks[263, 0]
    assert truth.landmarks[10, 1] < truth.landmarks[1, 1] < truth.landmarks[152, 1]
    assert truth.landmarks[1, 2] < truth.landmarks[234, 2]


def test_the_pose_projects_the_resting_nose_onto_its_landmark(performance):
    truth = performance.truth(7)
    nose = performance.speaker.figure.posed(truth.expression, performance.poses[7]).landmarks[1]
    seen = truth.rotation.T @ (nose - truth.translation)
    pixel = np.array([seen[0], -seen[1]]) / -seen[2] * performance.focal + performance.size / 2
    np.testing.assert_allclose(pixel, truth.landmarks[1, :2], atol=1e-3)
    row, column = truth.landmarks[1, 1].astype(int), truth.landmarks[1, 0].astype(int)
    assert truth.depth[row, column] == pytest.approx(-seen[2], abs=0.004)


def test_lips_follow_the_phonemes(performance):
    whole = perform(performance.speaker, recording(), size=96)
    apertures = whole.apertures()

    def at(phoneme):
        return apertures[
            min(len(apertures) - 1, round((phoneme.start + phoneme.end) / 2 * whole.fps - 0.5))
        ]

    open_vowels = [at(p) for p in recording().phonemes if p.name in ("A:", "a", "aI", "V")]
    closed = [at(p) for p in recording().phonemes if p.name in ("p", "b", "m")]
    assert np.median(open_vowels) > 5 * np.median(closed)
    assert apertures[:4].max() < 0.01


def test_pictures_are_repeatable_and_people_differ(performance):
    again = perform(Speaker(0, size=96), recording(), seconds=2.0, size=96)
    np.testing.assert_array_equal(performance.picture(3), again.picture(3))
    other = perform(Speaker(1, size=96), recording(), seconds=2.0, size=96)
    assert np.abs(performance.picture(3).astype(int) - other.picture(3)).mean() > 10


def test_the_torso_layer_is_the_frame_where_the_frame_shows_the_torso(performance):
    picture, truth = performance.frame(2)
    torso = performance.torso(2)
    inside = (truth.regions == Region.TORSO) & (torso[..., 3] == 255)
    assert inside.sum() > 300
    assert np.abs(picture[inside].astype(int) - torso[inside, :3]).mean() < 2
    assert (torso[truth.regions == Region.NECK, 3] > 0).mean() > 0.95


def test_a_video_is_as_long_as_asked_and_audible(performance, tmp_path):
    short = perform(performance.speaker, recording(), seconds=0.8, size=96)
    path = write_video(short, tmp_path / "speaker.mp4")
    assert probe(path).seconds == pytest.approx(0.8, abs=0.05)
    assert np.abs(read_sound(path)).max() > 0.05


def test_silence_follows_a_recording_that_is_over(performance):
    longer = perform(performance.speaker, recording(), seconds=recording().seconds + 1, size=64)
    assert np.abs(spoken(longer)[-8000:]).max() == 0
    assert longer.apertures()[-15:].max() < 0.01


@pytest.mark.parametrize("wrong", [{"size": 15}, {"size": 33}, {"seconds": 0.0}])
def test_what_can_not_be_painted_is_refused(performance, wrong):
    with pytest.raises(BadArgument, match=r"Ask for|needs"):
        perform(performance.speaker, recording(), **wrong)
