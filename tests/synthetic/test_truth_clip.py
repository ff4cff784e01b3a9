import numpy as np
import pytest
import torch

from instag.data.clip import Clip
from instag.ops.rotations import viewmats
from instag.synthetic import write_clip
from instag.types import Region


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("synthetic") / "a.clip", seed=2, frames=16, size=64)


def test_every_part_is_there_and_reads_back(clip):
    again = Clip.open(clip.folder)
    assert again == clip
    assert len(again) == 16
    assert again.frame(15).shape == (64, 64, 3)
    assert again.torso(15).shape == (64, 64, 4)
    assert again.backdrop().shape == (64, 64, 3)
    assert again.features("mel").shape[0] == 16
    assert len(again.speech()) == 16 * 640
    assert {"AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU25", "AU26", "AU45"} == set(
        again.action_units()
    )


def test_the_track_carries_the_resting_head_onto_the_landmarks(clip):
    track = clip.track()
    world = torch.from_numpy(track.identity)
    view = viewmats(torch.from_numpy(track.rotations), torch.from_numpy(track.translations))
    seen = torch.einsum("fij,pj->fpi", view[:, :3, :3], world) + view[:, None, :3, 3]
    pixels = seen[..., :2] / seen[..., 2:] * track.focal + 32
    rigid = [168, 6, 197, 10, 234, 454]
    np.testing.assert_allclose(pixels[:, rigid].numpy(), track.landmarks[:, rigid, :2], atol=0.35)


def test_normals_face_the_camera_and_depth_is_the_faces(clip):
    surface = clip.surface(3)
    assert surface.valid.mean() > 0.05
    assert (surface.normal[surface.valid][:, 2] > 0).mean() > 0.99
    assert 0.7 < np.median(surface.depth[surface.valid]) < 1.0
    assert set(np.unique(clip.regions(3))) <= {int(region) for region in Region}
