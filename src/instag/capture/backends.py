"""Capture backends: one declared table for each part of the observation that can be done in more
than one way.

The first row of a table is the default: it comes with instag and needs no file. `load` takes the
paths of the row's assets and returns the function that the stage calls; it writes its part of the
clip. The options' help, the checks before any work and `instag doctor` are made from these tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from instag.assets.backend import Backend, missing_packages, names, obstacle
from instag.assets.checkpoints import asset_path
from instag.errors import AssetMissing, BadArgument

if TYPE_CHECKING:
    from instag.data.clip import Clip
    from instag.observed import Track
    from instag.runtime.progress import Report

    ClipStep = Callable[[Clip, Report], None]
    TrackStep = Callable[[Clip, Track, Report], Track]

BUILTIN = "builtin"
OLD_NAMES = {"embedded": BUILTIN}
"""Names of rows in clips and scripts from before, and today's."""
COEFFICIENTS = "morphable.npz"
"""File in the clip's folder with the coefficients of the fitted Basel face model."""
SAPIENS_FRAMES = 500
"""Frames, from the start, whose geometry Sapiens predicts, as in InsTaG's preparation: each takes
seconds on a CPU."""


@final
@dataclass(frozen=True, kw_only=True)
class Choice:
    """One table. option: the option that chooses a row. stage: the stage of `prepare` whose result
    depends on it. help: what the rows find.

    file: the row for a value that is a path and no name; None where only names are valid. Its
    `load` takes that path. setting: the key in clip.json, where it is not the option's name.
    """

    option: str
    stage: str
    help: str
    rows: "tuple[Backend[Any], ...]"
    file: "Backend[Any] | None" = None
    setting: str = ""

    @property
    def key(self) -> str:
        """The key of the choice in a stage's settings in clip.json."""
        return self.setting or self.option

    @property
    def default(self) -> str:
        """The name of the first row."""
        return self.rows[0].name

    @property
    def full_help(self) -> str:
        """The help text with the names and what stands behind them."""
        rows = [*self.rows, *([self.file] if self.file else [])]
        return f"{self.help}: {', '.join(f'{row.name} ({row.help})' for row in rows)}."

    def row(self, name: str) -> Backend[Any]:
        """The row of this name, else that of files. Raises BadArgument."""
        for row in self.rows:
            if row.name == name:
                return row
        if self.file is not None and Path(name).is_file():
            return self.file
        known = ", ".join([*names(self.rows), *([f"a {self.file.help}"] if self.file else [])])
        raise BadArgument(
            f"--{self.option} {name}: there is no backend {'or file ' if self.file else ''}of that "
            f"name. Choose one of: {known}."
        )

    def paths(self, name: str) -> list[Path]:
        """The files that the row of this name reads. Raises BadArgument, AssetMissing."""
        row = self.row(name)
        option = f"--{self.option} {name}"
        if row is self.file:
            return [Path(name)]
        if row.extra is not None and missing_packages(row.extra):
            raise AssetMissing(f"{option}: {obstacle(replace(row, assets=()))}")
        return [asset_path(asset, option) for asset in row.assets]

    def load(self, name: str) -> Any:
        """The function of the row of this name. Raises BadArgument, AssetMissing, AssetDamaged."""
        return self.row(name).load(self.paths(name))


def current_name(name: str) -> str:
    """A row's name of today."""
    return OLD_NAMES.get(name, name)


def without_defaults(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of a stage without the choices of default rows, by whatever name."""
    defaults = {choice.key: choice.default for choice in CHOICES}
    return {
        name: value
        for name, value in settings.items()
        if not (name in defaults and isinstance(value, str))
        or current_name(value) != defaults[name]
    }


def optional_backends() -> Iterator[tuple[str, Backend[Any]]]:
    """Each row that is no default, with the option that chooses it."""
    for choice in CHOICES:
        for row in choice.rows[1:]:
            yield f"--{choice.option} {row.name}", row


def _landmarks_action_units(_: Sequence[Path]) -> "ClipStep":
    from instag.capture.measure_action_units import measure_action_units

    return measure_action_units


def _blendshapes(_: Sequence[Path]) -> "ClipStep":
    from instag.capture.networks.blendshapes import blendshape_action_units

    return blendshape_action_units


def _openface(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.openface import copy_openface

    (table,) = paths
    return lambda clip, report: copy_openface(table, clip, report)


def _label_regions(_: Sequence[Path]) -> "ClipStep":
    from instag.capture.segmentation.label import label_regions

    return label_regions


def _bisenet(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.networks.bisenet import BiSeNet
    from instag.capture.segmentation.parsed import parse_regions
    from instag.runtime.device import device_named

    (weights,) = paths
    network = BiSeNet(weights, device_named())
    return lambda clip, report: parse_regions(clip, network, report)


def _unchanged_regions(_: Sequence[Path]) -> "ClipStep":
    return lambda clip, report: report(1, 1)


def _easyportrait(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.networks.easyportrait import EasyPortrait
    from instag.capture.segmentation.parsed import mark_teeth
    from instag.runtime.device import device_named

    (weights,) = paths
    network = EasyPortrait(weights, device_named())
    return lambda clip, report: mark_teeth(clip, network, report)


def _hair_segmentation(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.networks.hair import HairSegmenter
    from instag.capture.segmentation.parsed import mark_hair

    def step(clip: "Clip", report: "Report") -> None:
        segment = HairSegmenter(*paths)
        mark_hair(clip, segment, report)

    return step


def _bodypix(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.networks.bodypix import BodyPix
    from instag.capture.segmentation.arms import mark_arms

    network = BodyPix(*paths)
    return lambda clip, report: mark_arms(clip, network, report)


def _mesh_geometry(_: Sequence[Path]) -> "ClipStep":
    from instag.capture.geometry.from_mesh import render_surface

    return render_surface


def _sapiens(paths: Sequence[Path]) -> "ClipStep":
    from instag.capture.geometry.predicted import predict_surface
    from instag.capture.networks.sapiens import Sapiens
    from instag.runtime.device import device_named

    depth, normal = paths
    networks = Sapiens(depth, normal, device_named())
    return lambda clip, report: predict_surface(clip, networks, "Sapiens", SAPIENS_FRAMES, report)


def _unchanged_track(_: Sequence[Path]) -> "TrackStep":
    return lambda clip, track, report: track


def _fan(paths: Sequence[Path]) -> "TrackStep":
    from instag.capture.networks.fan import Fan, fan_landmarks
    from instag.runtime.device import device_named

    (weights,) = paths
    network = Fan(weights, device_named())
    return lambda clip, track, report: fan_landmarks(clip, track, network, report)


def _bfm(paths: Sequence[Path]) -> "TrackStep":
    from instag.capture.tracking.bfm.tracks import track_by_model

    (model,) = paths
    return lambda clip, track, report: track_by_model(
        clip, track, model, clip.folder / COEFFICIENTS, report
    )


def _sapiens_row(name: str, size: str) -> "Backend[ClipStep]":
    return Backend(
        name=name,
        help=f"Sapiens {size.upper()}",
        assets=(f"sapiens-depth-{size}", f"sapiens-normal-{size}"),
        load=_sapiens,
    )


ACTION_UNITS = Choice(
    option="au",
    stage="action_units",
    help="Action units",
    rows=(
        Backend(name="landmarks", help="measured on the mesh", load=_landmarks_action_units),
        Backend(
            name="blendshapes",
            help="by MediaPipe's blendshapes",
            load=_blendshapes,
        ),
    ),
    file=Backend(name="FILE", help="CSV of OpenFace's FeatureExtraction", load=_openface),
    setting="action_units",
)
PARSERS = Choice(
    option="parsing",
    stage="regions",
    help="Regions",
    rows=(
        Backend(name=BUILTIN, help="person mask and colours", load=_label_regions),
        Backend(name="bisenet", help="face parsing", assets=("bisenet",), load=_bisenet),
    ),
)
HAIR = Choice(
    option="hair",
    stage="regions",
    help="Hair",
    rows=(
        Backend(name=BUILTIN, help="the parser's", load=_unchanged_regions),
        Backend(
            name="mediapipe",
            help="MediaPipe's hair segmentation",
            assets=("hair",),
            load=_hair_segmentation,
        ),
    ),
)
TEETH = Choice(
    option="teeth",
    stage="regions",
    help="Teeth",
    rows=(
        Backend(name=BUILTIN, help="by colour", load=_unchanged_regions),
        Backend(
            name="easyportrait",
            help="EasyPortrait, as InsTaG",
            assets=("easyportrait",),
            load=_easyportrait,
        ),
    ),
)
ARMS = Choice(
    option="arms",
    stage="regions",
    help="Arms and hands",
    rows=(
        Backend(name=BUILTIN, help="not labelled", load=_unchanged_regions),
        Backend(
            name="bodypix",
            help="BodyPix; they become torso",
            assets=("bodypix",),
            load=_bodypix,
        ),
    ),
)
GEOMETRY = Choice(
    option="surface",
    stage="surface",
    help="Depth and normals",
    rows=(
        Backend(name=BUILTIN, help="of the tracked mesh", load=_mesh_geometry),
        _sapiens_row("sapiens", "0.3b"),
        _sapiens_row("sapiens-0.3b", "0.3b"),
        _sapiens_row("sapiens-0.6b", "0.6b"),
        _sapiens_row("sapiens-1b", "1b"),
        _sapiens_row("sapiens-2b", "2b"),
    ),
)
LANDMARKS_68 = Choice(
    option="points",
    stage="tracking",
    help="The 68 landmarks",
    rows=(
        Backend(name=BUILTIN, help="of the mesh", load=_unchanged_track),
        Backend(name="fan", help="the face-alignment package's", assets=("fan",), load=_fan),
    ),
)
TRACKERS = Choice(
    option="tracker",
    stage="tracking",
    help="Poses and focal length",
    rows=(
        Backend(name=BUILTIN, help="of the mesh", load=_unchanged_track),
        Backend(name="bfm", help="a fitted Basel face model", assets=("bfm",), load=_bfm),
    ),
)
CHOICES = (ACTION_UNITS, PARSERS, HAIR, TEETH, ARMS, GEOMETRY, LANDMARKS_68, TRACKERS)
"""All tables."""
