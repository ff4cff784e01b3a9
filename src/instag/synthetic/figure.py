"""A synthetic person as one triangle mesh, which is posed by an expression and a head pose."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from instag.observed import Region
from instag.ops.easing import smoothstep
from instag.synthetic.cloth_texture import cloth_texture
from instag.synthetic.expression import Expression
from instag.synthetic.eye_texture import eye_texture
from instag.synthetic.face import JAW_AXIS, Face, build_face, turn_x
from instag.synthetic.hair import CAP_COLUMNS, CAP_ROWS, HIDES_EARS, hair, hair_normals
from instag.synthetic.looks import Looks
from instag.synthetic.parts import (
    Part,
    clothes,
    ear,
    eyeball,
    lash_part,
    lashes,
    neck,
    skin_uv,
    teeth,
    tongue,
)
from instag.synthetic.rasterizer import point_normals
from instag.synthetic.shading import Material
from instag.synthetic.skin_texture import skin_texture

MATERIAL_REGIONS = np.array(
    [
        Region.FACE,
        Region.MOUTH,
        Region.FACE,
        Region.TEETH,
        Region.MOUTH,
        Region.HAIR,
        Region.TORSO,
        Region.FACE,
        Region.NECK,
    ],
    np.uint8,
)
"""The region of each Material."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Rigid poses of head and shoulders. rotation, translation: head to camera (x right, y down, z
    forward), metres. torso_rotation, torso_translation: shoulders to camera."""

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]
    torso_rotation: Float[np.ndarray, "3 3"]
    torso_translation: Float[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True)
class PosedMesh:
    """A figure in one frame. points: in the camera's frame, metres. normals: of unit length; for
    hair, the strands' directions. landmarks: in the head's frame, metres."""

    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]
    landmarks: Float[np.ndarray, "478 3"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A person's geometry and textures, the same in all frames.

    slices: the points of each part. Triangles of hair come last, from `hair_from` on. Triangles
    before `shadow_to` cast shadows: all but the single strands of hair.
    """

    face: Face
    parts: dict[str, Part]
    slices: dict[str, slice]
    triangles: Int[np.ndarray, "t 3"]
    hair_from: int
    shadow_to: int
    hair_directions: Float[np.ndarray, "k 3"]
    uv: Float[np.ndarray, "n 2"]
    colors: Float[np.ndarray, "n 3"]
    materials: UInt8[np.ndarray, " t"]
    skin: UInt8[np.ndarray, "s s 4"]
    eye: UInt8[np.ndarray, "e e 4"]
    cloth: UInt8[np.ndarray, "c c 4"]

    def posed(self, expression: Expression, pose: Pose) -> PosedMesh:
        """The mesh under an expression and a pose."""
        skin = self.face.surface(expression)
        head: dict[str, np.ndarray] = {"face": skin}
        irises = []
        for number, name in enumerate(("eye_left", "eye_right")):
            center = self.face.eyes[number]
            rotated, iris = _rotate_eye(self.parts[name].points, center, expression)
            head[name] = rotated
            irises.append(iris)
        head["lashes"] = lashes(skin, self.face.eyes)
        for name in ("teeth_upper", "ear_left", "ear_right", "hair"):
            head[name] = self.parts[name].points
        head["teeth_lower"] = turn_x(
            self.parts["teeth_lower"].points, JAW_AXIS, 0.95 * expression.jaw
        )
        tongue_points = self.parts["tongue"].points.copy()
        tongue_points[:, 1] += (
            expression.tongue * 0.75 * np.clip((tongue_points[:, 2] - 1.5) / 2, 0, 1)
        )
        tongue_points[:, 2] += (
            expression.tongue * 0.25 * np.clip((tongue_points[:, 2] - 1.5) / 2, 0, 1)
        )
        head["tongue"] = turn_x(tongue_points, JAW_AXIS, 0.85 * expression.jaw)

        points = np.empty((len(self.uv), 3), np.float32)
        for name, local in head.items():
            points[self.slices[name]] = local * 0.01 @ pose.rotation.T + pose.translation
        shoulders = self.parts["clothes"].points * 0.01
        points[self.slices["clothes"]] = shoulders @ pose.torso_rotation.T + pose.torso_translation
        throat = self.parts["neck"].points
        share = smoothstep(np.clip((throat[:, 1:2] + 14.0) / 7.5, 0, 1))
        with_head = throat * 0.01 @ pose.rotation.T + pose.translation
        with_torso = throat * 0.01 @ pose.torso_rotation.T + pose.torso_translation
        points[self.slices["neck"]] = share * with_head + (1 - share) * with_torso

        hair_points = self.slices["hair"]
        normals = point_normals(points, self.triangles[: self.hair_from], len(points))
        normals[hair_points] = self.hair_directions @ pose.rotation.T
        landmarks = np.concatenate([skin[:468], *irises]) * 0.01
        return PosedMesh(points=points, normals=normals, landmarks=landmarks.astype(np.float32))


def _rotate_eye(
    ball: np.ndarray, center: np.ndarray, expression: Expression
) -> tuple[np.ndarray, np.ndarray]:
    """The eyeball's points rotated to the gaze, and the five landmarks of its iris."""
    cy, sy = np.cos(expression.gaze_yaw), np.sin(expression.gaze_yaw)
    cp, sp = np.cos(expression.gaze_pitch), np.sin(expression.gaze_pitch)
    rotation = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array(
        [[1, 0, 0], [0, cp, sp], [0, -sp, cp]]
    )
    radius, depth = 0.60, 1.19
    iris = np.array(
        [
            [0, 0, depth + 0.08],
            [radius, 0, depth],
            [0, radius, depth],
            [-radius, 0, depth],
            [0, -radius, depth],
        ]
    )
    return (ball - center) @ rotation.T + center, iris @ rotation.T + center


def build_figure(looks: Looks, detail: float = 1.0) -> Figure:
    """The figure of a person. detail: 1 for pictures of 256 pixels and more, less for tiny ones: it
    has fewer triangles and the same shape."""
    face = build_face(looks, levels=2 if detail > 0.3 else 1)
    rest = face.surface(Expression())
    skin_part = Part(
        points=rest,
        triangles=face.triangles,
        uv=skin_uv(rest),
        colors=_skin_colors(face, rest),
        material=Material.SKIN,
    )
    parts = {
        "face": skin_part,
        "eye_left": eyeball(face.eyes[0]),
        "eye_right": eyeball(face.eyes[1]),
        "lashes": lash_part(rest, face.eyes, looks),
        "teeth_upper": teeth(upper=True),
        "teeth_lower": teeth(upper=False),
        "tongue": tongue(),
        "ear_left": ear(-1, looks.hairstyle in HIDES_EARS),
        "ear_right": ear(1, looks.hairstyle in HIDES_EARS),
        "neck": neck(looks),
        "clothes": clothes(looks),
        "hair": hair(looks, detail),
    }
    slices, triangles, materials, start = {}, [], [], 0
    for name, part in parts.items():
        slices[name] = slice(start, start + len(part.points))
        triangles.append(part.triangles + start)
        part_materials = np.full(len(part.triangles), part.material, np.uint8)
        if name == "face":
            part_materials[face.lining] = Material.LINING
        materials.append(part_materials)
        start += len(part.points)
    all_triangles = np.concatenate(triangles).astype(np.int32)
    return Figure(
        face=face,
        parts=parts,
        slices=slices,
        triangles=all_triangles,
        hair_from=len(all_triangles) - len(parts["hair"].triangles),
        shadow_to=len(all_triangles)
        - int((parts["hair"].triangles.min(1) >= CAP_ROWS * CAP_COLUMNS).sum()),
        hair_directions=hair_normals(parts["hair"], looks.hairstyle).astype(np.float32),
        uv=np.concatenate([part.uv for part in parts.values()]).astype(np.float32),
        colors=np.concatenate([part.colors for part in parts.values()]).astype(np.float32),
        materials=np.concatenate(materials),
        skin=skin_texture(looks, rest),
        eye=eye_texture(looks),
        cloth=cloth_texture(looks),
    )


def _skin_colors(face: Face, rest: np.ndarray) -> np.ndarray:
    """Vertex colours: white on the skin, whose texture has the colour; in the mouth a dark red that
    darkens with depth."""
    colors = np.ones((len(rest), 3))
    lining = np.unique(face.triangles[face.lining])
    depth = np.clip((5.0 - rest[lining, 2]) / 3.0, 0, 1)[:, None]
    colors[lining] = (
        np.array([0.30, 0.07, 0.065]) * (1 - depth) + np.array([0.035, 0.008, 0.008]) * depth
    )
    return colors
