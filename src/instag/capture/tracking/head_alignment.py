"""Head alignment: all poses of a clip aligned once more, now with what lies beside the face too:
hair, ears and crown (docs/method.md#observation).

A face is nearly flat, and its skin moves: a turn of a degree and a half hardly shows in it. The
outline of the head lies three times as far from its middle and tells such a turn at once. Where
hair and ears lie is found by a sweep of depths over some views (`data.depth_sweep`), which the
better poses then make better.
"""

from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.capture.tracking.pose_refinement import (
    KeptDetails,
    aligned_track,
    working_grey,
    working_scale,
)
from instag.capture.tracking.skin_features import Detail, SkinPoints, detail, sample_points
from instag.data.clip import Clip
from instag.data.depth_sweep import depth_profile
from instag.data.frame_choice import farthest_points
from instag.data.head_mask import head_alpha_uint8
from instag.data.head_view import SEEN_INSIDE, HeadView, head_pixels_of, share_inside
from instag.ops.rotations import viewmats
from instag.perception.face_mesh import Landmarks
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, part, silent
from instag.types import Region, Track

ROUNDS = 2
"""Alternations of depths and poses."""
VIEWS = 10
"""Views whose depths are swept."""
SKIN, HEAD = 5_000, 1_000
"""Points on the face, and beside it: with more of the latter, skin that moves little was matched
worse (2,000 of 6,000: its deviation rose by 3 %), and these already bring most of the gain."""
BESIDE = 0.003
"""Metres beyond the tracked points' surroundings where the latter begin."""
MIDDLE, RADII = (0.0, 0.0, -0.03), (0.08, 0.12, 0.10)
"""The ellipsoid, metres in the head's frame, that is as round as heads are."""
TOWARDS_CAMERA = 1.5
"""How much more a point faces the camera that saw it than it follows the ellipsoid: hair is no
surface."""


def align_head(clip: Clip, landmarks: Landmarks, report: Report = silent) -> Track:
    """The clip's track with better poses. The clip must have regions. Nothing is written. `report`
    gets thousandths."""
    frames = _HeadFrames(clip)
    track, size = clip.track(), clip.size()
    if track.found.sum() < VIEWS:
        return track
    generator, gradients = torch.Generator().manual_seed(0), KeptDetails(frames.detail)
    for number in range(ROUNDS):
        points = head_points(frames.views(track), track, generator)
        track = aligned_track(
            track,
            landmarks,
            points,
            gradients,
            size,
            part(report, number / ROUNDS, (number + 1) / ROUNDS),
        )
    return track


def head_points(views: list[HeadView], track: Track, generator: torch.Generator) -> SkinPoints:
    """Points on the face and beside it, as the views show it."""
    tracked = torch.from_numpy(track.identity).float()
    seen = head_pixels_of(views, tracked)
    profile = depth_profile(views, seen, generator)
    places, eyes = [], []
    for view, (pixels, nearest) in zip(views, seen, strict=True):
        beside = torch.nonzero(nearest.away > BESIDE)[:, 0]
        beside = beside[torch.randperm(len(beside), generator=generator)[: HEAD // len(views)]]
        depth = nearest.depth[beside] + profile(nearest.away[beside], nearest.angle[beside])
        places.append(view.lift(pixels[beside], depth))
        eyes.append(view.camera_center().expand(len(beside), -1))
    points, eye = torch.cat(places), torch.cat(eyes)
    good = share_inside(views, points) >= SEEN_INSIDE
    points, skin = points[good], sample_points(track.identity, SKIN)
    normals = _normals(points, eye[good])
    return SkinPoints(
        positions=np.concatenate([skin.positions, points.numpy().astype(np.float64)]),
        normals=np.concatenate([skin.normals, normals.numpy().astype(np.float64)]),
    )


def _normals(points: Float[Tensor, "n 3"], eye: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Where points beside the face look: outward, and to the camera that saw them."""
    outward = (points - torch.tensor(MIDDLE)) / torch.tensor(RADII).square()
    # What hangs below the middle is no ball.
    outward[points[:, 1] < 0, 1] = 0
    unit = torch.nn.functional.normalize
    return unit(unit(outward, dim=1) + TOWARDS_CAMERA * unit(eye - points, dim=1), dim=1)


@final
class _HeadFrames:
    """The frames of a clip as the alignment reads them, at most WORKING_SIZE wide."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.size = clip, clip.size()
        self.scale = working_scale(self.size)

    def detail(self, index: int) -> Detail:
        """Of the part of a frame that shows the head."""
        regions = self.clip.regions(index)
        head = (regions == Region.FACE) | (regions == Region.HAIR)
        rows, columns = np.flatnonzero(head.any(1)), np.flatnonzero(head.any(0))
        width, height = self.size
        corners = np.array(
            [[columns[0], rows[0]], [columns[-1], rows[-1]]]
            if len(rows)
            else [[0, 0], [width, height]],
            np.float64,
        )
        grey = working_grey(self.clip.frame(index), self.size)
        return detail(grey, corners * self.scale)

    def views(self, track: Track) -> list[HeadView]:
        """Those in which the head is turned differently."""
        poses = viewmats(
            torch.from_numpy(track.rotations).float(), torch.from_numpy(track.translations).float()
        )
        return list(
            in_order(
                lambda index: self.view(index, track.focal, poses[index]),
                turned_apart(track, poses),
            )
        )

    def view(self, index: int, focal: float, pose: Float[Tensor, "4 4"]) -> HeadView:
        width, height = (round(side * self.scale) for side in self.size)
        regions = self.clip.regions(index)
        alpha = head_alpha_uint8(self.clip.matte(index) if self.clip.has_mattes else None, regions)
        image = self.clip.frame(index)
        if self.scale != 1:
            image = np.asarray(
                cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
            )
            regions, alpha = (
                np.asarray(
                    cv2.resize(table, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
                )
                for table in (regions, alpha)
            )
        scaled = focal * self.scale
        K = torch.tensor([[scaled, 0, width / 2], [0, scaled, height / 2], [0, 0, 1.0]])
        return HeadView(image=image, regions=regions, alpha=alpha, K=K, pose=pose)


def turned_apart(track: Track, poses: Float[Tensor, "f 4 4"]) -> list[int]:
    """VIEWS frames with a face whose turns are far from each other's: the most usual turn, then
    always the one farthest from all before it."""
    found: Int[np.ndarray, " g"] = np.flatnonzero(track.found)
    turns = poses[found, :2, 2]
    usual = np.abs(turns.numpy() - np.median(turns.numpy(), axis=0)).sum(1).argmin()
    return sorted(found[farthest_points(turns, VIEWS, first=int(usual)).numpy()].tolist())
