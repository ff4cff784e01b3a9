"""A performance: a synthetic speaker who speaks a recording, rendered frame by frame with its
ground truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.assets.sample_speech import Recording
from instag.errors import BadArgument
from instag.media.writer import write_video as encode_video
from instag.observed import FPS, SAMPLE_RATE, Region
from instag.runtime.progress import Report, silent
from instag.synthetic.acting import CAMERA_DISTANCE_M, act
from instag.synthetic.backdrop import backdrop
from instag.synthetic.expression import Expression
from instag.synthetic.figure import MATERIAL_REGIONS, Figure, Pose, PosedMesh, build_figure
from instag.synthetic.looks import Looks, sample_looks
from instag.synthetic.rasterizer import rasterize
from instag.synthetic.shading import SHADOW_SIZE, Material, depth_from_light, key_light_rows, shade

FOCAL_RATIO = 2.6
"""The camera's focal length over the picture's side: a field of view of 22 degrees."""
MIN_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The ground truth of one frame.

    rotation, translation: camera to world as in Track. landmarks: x and y in pixels, z as in Track.
    regions: Region numbers. depth: metres along the camera's z, 0 where no person is. aperture:
    distance between the middles of the inner lips in metres; aperture_px: the same in pixels.
    blink: 0 open, 1 shut.
    """

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]
    landmarks: Float[np.ndarray, "478 3"]
    regions: UInt8[np.ndarray, "h w"]
    depth: Float[np.ndarray, "h w"]
    aperture: float
    aperture_px: float
    blink: float
    expression: Expression


class Speaker:
    """A person that does not exist, sampled by a seed: the same one on every machine."""

    def __init__(self, seed: int = 0, *, size: int = 256) -> None:
        """size: the side in pixels of the largest picture to render; small ones get fewer hairs."""
        self.seed = seed
        self.looks: Looks = sample_looks(seed)
        self.figure: Figure = build_figure(self.looks, detail=1.0 if size >= 160 else 0.12)


@dataclass(frozen=True, kw_only=True)
class Performance:
    """Frames on demand: `picture(i)`, `truth(i)`, or both at once with `frame(i)`.

    size: side of the square pictures in pixels. fps: frames a second.
    """

    speaker: Speaker
    speech: Recording
    size: int
    fps: int
    expressions: list[Expression]
    poses: list[Pose]

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def focal(self) -> float:
        """In pixels."""
        return FOCAL_RATIO * self.size

    @cached_property
    def backdrop(self) -> UInt8[np.ndarray, "s s 3"]:
        """The wall behind the person, RGB."""
        return _tone_mapped(backdrop(self.speaker.looks, self.size))

    def picture(self, index: int) -> UInt8[np.ndarray, "s s 3"]:
        """A frame in RGB."""
        return self.frame(index)[0]

    def truth(self, index: int) -> Truth:
        """A frame's ground truth."""
        return self.frame(index)[1]

    def frame(self, index: int) -> tuple[UInt8[np.ndarray, "s s 3"], Truth]:
        """A frame in RGB and its ground truth."""
        posed = self._posed(index)
        triangle_ids, inverse_depth = self._visible(posed, self.speaker.figure.triangles)
        picture = self._render(
            posed, triangle_ids, self.speaker.figure.triangles, self.speaker.figure.materials
        )
        regions = self._region_map(triangle_ids)
        depth = (
            1
            / np.maximum(inverse_depth, 1e-6)[
                self._samples // 2 :: self._samples, self._samples // 2 :: self._samples
            ]
        )
        return _tone_mapped(picture), self._truth(
            index,
            posed,
            regions,
            np.where(regions != Region.BACKGROUND, depth, 0).astype(np.float32),
        )

    def apertures(self) -> Float[np.ndarray, " f"]:
        """The gap between the inner lips in each frame over the distance of the eyes' outer
        corners, computed from the geometry."""
        rows = [self._posed(index).landmarks for index in range(len(self))]
        return np.array(
            [
                np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[33] - points[263])
                for points in rows
            ]
        )

    def torso(self, index: int) -> UInt8[np.ndarray, "s s 4"]:
        """Neck and cloth without the head in front of them: RGBA, colours not multiplied by
        alpha."""
        posed, figure = self._posed(index), self.speaker.figure
        is_torso = np.isin(figure.materials, (Material.NECK, Material.CLOTH))
        triangles, materials = figure.triangles[is_torso], figure.materials[is_torso]
        triangle_ids, _ = self._visible(posed, triangles)
        rendered = self._render(posed, triangle_ids, triangles, materials)
        alpha = cv2.resize(
            (triangle_ids >= 0).astype(np.float32),
            (self.size, self.size),
            interpolation=cv2.INTER_AREA,
        )
        colors = np.clip(
            (rendered - (1 - alpha[..., None]) * backdrop(self.speaker.looks, self.size))
            / np.maximum(alpha[..., None], 1e-3),
            0,
            None,
        )
        rgb = np.where(alpha[..., None] > 0.02, _tone_mapped(colors), 0)
        return np.concatenate([rgb, (alpha[..., None] * 255).round()], -1).astype(np.uint8)

    def pictures(self, report: Report = silent) -> Iterator[UInt8[np.ndarray, "s s 3"]]:
        """The pictures of all frames in order."""
        for index in range(len(self)):
            yield self.picture(index)
            report(index + 1, len(self))

    @property
    def _samples(self) -> int:
        """Samples a pixel, along each axis."""
        return 2 if self.size >= 400 else 3

    @cached_property
    def _supersampled_backdrop(self) -> Float[np.ndarray, "n n 3"]:
        return backdrop(self.speaker.looks, self.size * self._samples)

    def _posed(self, index: int) -> PosedMesh:
        return self.speaker.figure.posed(self.expressions[index], self.poses[index])

    def _visible(self, posed: PosedMesh, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fine = self.size * self._samples
        return rasterize(
            posed.points,
            triangles,
            np.float32(FOCAL_RATIO * fine),
            np.float32(fine / 2),
            np.float32(fine / 2),
            fine,
            fine,
        )

    def _render(
        self,
        posed: PosedMesh,
        triangle_ids: np.ndarray,
        triangles: np.ndarray,
        materials: np.ndarray,
    ) -> Float[np.ndarray, "s s 3"]:
        """Linear RGB of the visible triangles over the backdrop, averaged over each pixel's
        samples."""
        figure, fine = self.speaker.figure, self.size * self._samples
        light = key_light_rows(np.array([0.0, 0.02, CAMERA_DISTANCE_M]))
        shadow = depth_from_light(
            posed.points, figure.triangles[: figure.shadow_to], light, SHADOW_SIZE
        )
        focal, middle = np.float32(FOCAL_RATIO * fine), np.float32(fine / 2)
        textures = (figure.skin, figure.eye, figure.cloth)
        rendered = shade(
            triangle_ids,
            posed.points,
            posed.normals,
            figure.uv,
            figure.colors,
            triangles,
            materials,
            shadow,
            light,
            *textures,
            focal,
            middle,
            middle,
            self._supersampled_backdrop,
        )
        return cv2.resize(rendered, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _region_map(self, triangle_ids: np.ndarray) -> UInt8[np.ndarray, "s s"]:
        """The region at each pixel's centre."""
        first, step = self._samples // 2, self._samples
        visible = triangle_ids[first::step, first::step]
        return np.where(
            visible >= 0,
            MATERIAL_REGIONS[self.speaker.figure.materials[visible]],
            Region.BACKGROUND,
        ).astype(np.uint8)

    def _truth(self, index: int, posed: PosedMesh, regions: np.ndarray, depth: np.ndarray) -> Truth:
        pose, expression = self.poses[index], self.expressions[index]
        in_camera = posed.landmarks @ pose.rotation.T + pose.translation
        pixels = in_camera[:, :2] / in_camera[:, 2:] * self.focal + self.size / 2
        relative = (in_camera[:, 2:] - pose.translation[2]) * self.focal / pose.translation[2]
        upper, lower = 13, 14
        return Truth(
            rotation=pose.rotation.T @ np.diag([1.0, -1.0, -1.0]),
            translation=-pose.rotation.T @ pose.translation,
            landmarks=np.concatenate([pixels, relative], 1).astype(np.float32),
            regions=regions,
            depth=depth,
            aperture=float(np.linalg.norm(posed.landmarks[upper] - posed.landmarks[lower])),
            aperture_px=float(np.linalg.norm(pixels[upper] - pixels[lower])),
            blink=expression.blink,
            expression=expression,
        )


def perform(
    speaker: Speaker,
    speech: Recording,
    *,
    seconds: float | None = None,
    size: int = 256,
    fps: int = FPS,
) -> Performance:
    """The speaker speaks the recording, or its first `seconds`; silence follows where these are
    more than the recording has.

    Raises BadArgument for a size that is odd or too small, and for a time without a frame.
    """
    if size < MIN_SIZE or size % 2:
        raise BadArgument(
            f"A synthetic speaker needs an even picture size of {MIN_SIZE} pixels or more, not "
            f"{size}."
        )
    frames = round((speech.seconds if seconds is None else seconds) * fps)
    if frames < 1:
        raise BadArgument(
            f"A performance of {seconds} s has no frame. Ask for at least {1 / fps} s."
        )
    expressions, poses = act(speech.phonemes, frames, fps, speaker.seed)
    return Performance(
        speaker=speaker, speech=speech, size=size, fps=fps, expressions=expressions, poses=poses
    )


def write_video(performance: Performance, path: Path | str, *, report: Report = silent) -> Path:
    """Write the performance as a video with its sound. Raises DiskFull."""
    waveform = spoken(performance)
    metadata = {
        "comment": "Synthetic: a procedural speaker made with instag. This person does not exist."
    }
    encode_video(
        path,
        performance.pictures(report),
        sound=(waveform, SAMPLE_RATE),
        fps=performance.fps,
        metadata=metadata,
        crf=12,
    )
    return Path(path)


def spoken(performance: Performance) -> Float[np.ndarray, " samples"]:
    """The recording's samples (16 kHz), cut or extended by silence to the performance's length."""
    samples = round(len(performance) / performance.fps * SAMPLE_RATE)
    waveform = performance.speech.waveform[:samples]
    return np.pad(waveform, (0, samples - len(waveform))).astype(np.float32)


def _tone_mapped(linear: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Pixels of linear light, 0 to 255: compressed highlights, then gamma."""
    return (
        (np.clip(1 - np.exp(-1.05 * np.clip(linear, 0, None)), 0, 1) ** (1 / 2.2) * 255)
        .round()
        .astype(np.uint8)
    )
