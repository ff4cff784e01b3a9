"""Observers: who looks for what in a clip's frames. By default what comes with instag; others where
their files are here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from instag.capture.measure_action_units import measure_action_units
from instag.capture.openface import read_openface
from instag.data.clip import Clip
from instag.errors import BadArgument
from instag.runtime.progress import Report, part
from instag.types import Track

if TYPE_CHECKING:
    from instag.capture.networks.sapiens import Sapiens

Network = TypeVar("Network")

EMBEDDED = "embedded"
LANDMARKS, BLENDSHAPES = "landmarks", "blendshapes"
BISENET, EASYPORTRAIT, FAN, MEDIAPIPE, BODYPIX, BFM = (
    "bisenet",
    "easyportrait",
    "fan",
    "mediapipe",
    "bodypix",
    "bfm",
)
SAPIENS = {
    "sapiens": "0.3b",
    "sapiens-0.3b": "0.3b",
    "sapiens-0.6b": "0.6b",
    "sapiens-1b": "1b",
    "sapiens-2b": "2b",
}
COEFFICIENTS = "morphable.npz"
"""What the face model's fit found, in the clip's folder."""
SAPIENS_FRAMES = 500
"""Frames, from the start, that Sapiens looks at, as in InsTaG's preparation: seconds each on a
CPU."""


@dataclass(frozen=True, kw_only=True)
class CaptureBackends:
    """Names of who observes.

    action_units: `landmarks`, `blendshapes` (MediaPipe's model), or the CSV that OpenFace's
    FeatureExtraction wrote of the same video. parsing: `embedded` or `bisenet`. teeth: `embedded`
    or `easyportrait`. hair: `embedded` or `mediapipe`. arms: `embedded` or `bodypix`. surface:
    `embedded` (the tracked face) or `sapiens`, with -0.6b, -1b or -2b for its larger models.
    points: the 68 landmarks, `embedded` or `fan`. tracker: whose poses and focal length, `embedded`
    or `bfm` (the Basel face model).
    """

    action_units: str = LANDMARKS
    parsing: str = EMBEDDED
    teeth: str = EMBEDDED
    hair: str = EMBEDDED
    arms: str = EMBEDDED
    surface: str = EMBEDDED
    points: str = EMBEDDED
    tracker: str = EMBEDDED

    def check(self) -> None:
        """Say before any work what is not to be had. Raises BadArgument, AssetMissing."""
        from instag.assets.checkpoints import asset_path

        for option, name, known in (
            ("--parsing", self.parsing, (EMBEDDED, BISENET)),
            ("--teeth", self.teeth, (EMBEDDED, EASYPORTRAIT)),
            ("--hair", self.hair, (EMBEDDED, MEDIAPIPE)),
            ("--arms", self.arms, (EMBEDDED, BODYPIX)),
            ("--surface", self.surface, (EMBEDDED, *SAPIENS)),
            ("--points", self.points, (EMBEDDED, FAN)),
            ("--tracker", self.tracker, (EMBEDDED, BFM)),
        ):
            if name not in known:
                raise BadArgument(
                    f"{option} {name}: there is none of that name. Choose one of: "
                    f"{', '.join(known)}."
                )
        for option, asset in self._assets():
            asset_path(asset, option)
        table = self.table
        if table is not None and not table.is_file():
            raise BadArgument(
                f"--au {table}: there is no such file. Give landmarks, blendshapes, or the CSV "
                "that OpenFace's FeatureExtraction wrote, or leave --au out."
            )

    def _assets(self) -> list[tuple[str, str]]:
        """Options and the assets that they need."""
        needed = [("--au blendshapes", "blendshapes")] if self.action_units == BLENDSHAPES else []
        needed += [("--parsing bisenet", "bisenet")] if self.parsing == BISENET else []
        needed += [("--teeth easyportrait", "easyportrait")] if self.teeth == EASYPORTRAIT else []
        needed += [("--hair mediapipe", "hair")] if self.hair == MEDIAPIPE else []
        needed += [("--arms bodypix", "bodypix")] if self.arms == BODYPIX else []
        needed += [("--points fan", "fan")] if self.points == FAN else []
        needed += [("--tracker bfm", "bfm")] if self.tracker == BFM else []
        size = SAPIENS.get(self.surface)
        return needed + (
            [
                (f"--surface {self.surface}", f"sapiens-{kind}-{size}")
                for kind in ("depth", "normal")
            ]
            if size
            else []
        )

    @property
    def table(self) -> Path | None:
        """The file of action units, None where they are measured."""
        return None if self.action_units in (LANDMARKS, BLENDSHAPES) else Path(self.action_units)

    def settings(self, stage: str) -> dict[str, object]:
        """What of this the result of a stage of `prepare` depends on; empty for the default, so
        that older clips stay good."""
        if stage == "action_units" and self.table is not None:
            return {
                "table": self.table.name,
                "sha256": hashlib.sha256(self.table.read_bytes()).hexdigest(),
            }
        named = {
            "action_units": ("action_units",),
            "regions": ("parsing", "teeth", "hair", "arms"),
            "surface": ("surface",),
            "tracking": ("points", "tracker"),
        }.get(stage, ())
        chosen = {name: getattr(self, name) for name in named}
        return {
            name: value for name, value in chosen.items() if value != getattr(THE_EMBEDDED, name)
        }

    def find_action_units(self, clip: Clip, report: Report, *, shortened: bool) -> None:
        """Write au.csv. shortened: the clip holds only the beginning of the video. Raises
        TableMismatch, AssetMissing, AssetDamaged, NoFace."""
        if self.table is not None:
            read = read_openface(self.table, len(clip), part=shortened, start=clip.info.first_frame)
            clip.save_action_units(read.units, read.success)
        elif self.action_units == BLENDSHAPES:
            from instag.assets.checkpoints import asset_path
            from instag.capture.networks.blendshapes import blendshape_action_units

            blendshape_action_units(clip, asset_path("blendshapes", "--au blendshapes"), report)
        else:
            measure_action_units(clip, report)

    def find_regions(self, clip: Clip, report: Report) -> None:
        """Write regions/*.png. Raises AssetMissing, AssetDamaged."""
        from instag.capture.segmentation.label import label_regions
        from instag.capture.segmentation.parsed import mark_hair, mark_teeth, parse_regions

        alone = self.teeth == self.hair == self.arms == EMBEDDED
        half = report if alone else part(report, 0.0, 0.5)
        if self.parsing == BISENET:
            from instag.capture.networks.bisenet import BiSeNet

            parse_regions(clip, self._network(BiSeNet, "bisenet", "--parsing bisenet"), half)
        else:
            label_regions(clip, half)
        if self.hair == MEDIAPIPE:
            from instag.assets.checkpoints import asset_path
            from instag.capture.networks.hair import HairSegmenter

            with HairSegmenter(asset_path("hair", "--hair mediapipe")) as segment:
                mark_hair(clip, segment, part(report, 0.5, 0.6))
        if self.teeth == EASYPORTRAIT:
            from instag.capture.networks.easyportrait import EasyPortrait

            mark_teeth(
                clip,
                self._network(EasyPortrait, "easyportrait", "--teeth easyportrait"),
                part(report, 0.6, 0.9),
            )
        if self.arms == BODYPIX:
            from instag.assets.checkpoints import asset_path
            from instag.capture.networks.bodypix import BodyPix
            from instag.capture.segmentation.arms import mark_arms

            mark_arms(
                clip, BodyPix(asset_path("bodypix", "--arms bodypix")), part(report, 0.9, 1.0)
            )

    def find_surface(self, clip: Clip, report: Report) -> None:
        """Write surface/*.npz. Raises AssetMissing, AssetDamaged, CaptureError."""
        if self.surface == EMBEDDED:
            from instag.capture.geometry.from_mesh import render_surface

            render_surface(clip, report)
            return
        from instag.capture.geometry.predicted import predict_surface

        predict_surface(clip, self._sapiens(), "Sapiens", SAPIENS_FRAMES, report)

    def find_points(self, clip: Clip, track: Track, report: Report) -> Track:
        """The track with landmarks, poses and focal length of whoever was chosen; saved where they
        are not our own.

        Raises AssetMissing, AssetDamaged, CaptureError.
        """
        coefficients = clip.folder / COEFFICIENTS
        coefficients.unlink(missing_ok=True)
        chosen = track
        if self.points == FAN:
            chosen = self._points_by_fan(
                clip, chosen, part(report, 0.0, 0.3) if self.tracker == BFM else report
            )
        if self.tracker == BFM:
            from instag.assets.checkpoints import asset_path
            from instag.capture.tracking.bfm.tracks import track_by_model

            chosen = track_by_model(
                clip,
                chosen,
                asset_path("bfm", "--tracker bfm"),
                coefficients,
                part(report, 0.3, 1.0),
            )
        if chosen is not track:
            clip.save_track(chosen)
        return chosen

    def _points_by_fan(self, clip: Clip, track: Track, report: Report) -> Track:
        from instag.capture.networks.fan import Fan

        fan = self._network(Fan, "fan", "--points fan")
        points = []
        for index in range(len(clip)):
            points.append(fan(clip.frame(index), track.landmarks[index]))
            report(index + 1, len(clip))
        return replace(track, landmarks68=np.stack(points).astype(np.float32))

    def _sapiens(self) -> "Sapiens":
        from instag.assets.checkpoints import asset_path
        from instag.capture.networks.sapiens import Sapiens
        from instag.runtime.device import device_named

        depth, normal = (
            asset_path(name, option)
            for option, name in self._assets()
            if name.startswith("sapiens")
        )
        return Sapiens(depth, normal, device_named())

    @staticmethod
    def _network(make: Callable[..., Network], asset: str, option: str) -> Network:
        from instag.assets.checkpoints import asset_path
        from instag.runtime.device import device_named

        return make(asset_path(asset, option), device_named())


THE_EMBEDDED = CaptureBackends()
"""What comes with instag and needs no file."""
