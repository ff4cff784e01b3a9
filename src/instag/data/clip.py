"""The Clip: one observed person, as a folder on disk (the first of the three artefacts).

    clip.json           ClipInfo: format version, source, size, focal length, frame count, who made
    each stage speech.wav          16 kHz mono, already shifted by the sound delay frames/00000.jpg
    the square crop, 25 fps regions/00000.png   one channel of Region numbers mattes/00000.png
    the person's share of each pixel; a clip may lack them torso/00000.png     RGBA: cloth and neck,
    extended under the head backdrop.png        what lies behind the person; clear where no frame
    showed it track.npz           Track au.csv              action units in OpenFace's columns
    surface/00000.npz   depth and normal priors, half size features/mel.npy    speech features

Everything is read when asked for: memory does not grow with the length.
"""

import csv
import io
import json
import wave
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.errors import NotAnArtefact
from instag.runtime.files import atomic_path, check_format, read_arrays, write_atomic
from instag.types import Track

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """Who made a stage, with which settings, in how many seconds."""

    made_by: str
    settings: dict[str, object]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What clip.json holds. Lengths in pixels of the crop, delay in ms; `crop` is x, y, size in the
    source's pixels.

    first_frame: where the clip begins in the source, in frames at 25 a second. shots: first frame
    and the one after the last of each of the source's shots. jumps: frames of the source at which
    the picture jumps within a shot. quality: the verdict of capture.quality on the clip.
    test_frames: how many frames at the end are kept for testing; None where nobody said.
    delay_found: what the lips said of the sound's delay (ms; fit and margin as in
    capture.sound_delay), whether it was believed or not; None where the delay was given, or nothing
    could be told. flaws: of the source file, as the stages `video` and `sound` met them: aspect,
    share of the time, message.
    """

    format_version: int = FORMAT_VERSION
    source: str
    source_sha256: str
    width: int
    height: int
    fps: int = 25
    frame_count: int
    focal: float | None = None
    crop: tuple[float, float, float]
    first_frame: int = 0
    shots: tuple[tuple[int, int], ...] = ()
    jumps: tuple[int, ...] = ()
    delay_ms: int = 0
    delay_found: dict[str, float] | None = None
    test_frames: int | None = None
    quality: dict[str, object] | None = None
    stages: dict[str, StageRecord] = field(default_factory=dict)
    flaws: dict[str, list[list[object]]] = field(default_factory=dict)

    @property
    def is_part(self) -> bool:
        """Whether the clip leaves out frames of what was looked through of the source: other shots,
        or frames without a face."""
        return bool(self.shots) and self.frame_count < self.shots[-1][1]


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Geometry priors of one frame. depth: metres along the camera's z. normal: unit, world axes
    turned into the camera's (x right, y up, z toward the camera). valid: where both are known."""

    depth: Float[np.ndarray, "h w"]
    normal: Float[np.ndarray, "h w 3"]
    valid: Bool[np.ndarray, "h w"]


@dataclass(frozen=True, kw_only=True)
class ClipTables:
    """What a clip holds of all its frames together. action_units: as `Clip.action_units` returns
    them."""

    track: Track
    action_units: dict[str, Float[np.ndarray, " f"]]
    backdrop: UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A Clip on disk. Open one with `Clip.open(folder)`; write one with the `save_*` methods, then
    `save_info`."""

    folder: Path
    info: ClipInfo

    @classmethod
    def open(cls, folder: Path | str) -> "Clip":
        """Raises NotAnArtefact, NewerFormat."""
        folder = Path(folder)
        path = folder / "clip.json"
        if not path.is_file():
            raise NotAnArtefact(
                f"{folder} is not a clip: it has no clip.json. Make one with: instag prepare VIDEO "
                f"-o {folder}"
            )
        try:
            content = json.loads(path.read_text())
            version = int(content["format_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotAnArtefact(
                f"{path} can not be read ({error}). Make the clip again with: instag prepare VIDEO "
                f"-o {folder}"
            ) from error
        check_format(folder, version, FORMAT_VERSION)
        stages = {name: StageRecord(**record) for name, record in content.pop("stages", {}).items()}
        content["crop"] = tuple(content["crop"])
        content["shots"] = tuple((first, end) for first, end in content.get("shots", ()))
        content["jumps"] = tuple(content.get("jumps", ()))
        return cls(folder=folder, info=ClipInfo(**content, stages=stages))

    def save_info(self, info: ClipInfo) -> "Clip":
        """Write clip.json and return the Clip with it."""
        write_atomic(self.folder / "clip.json", json.dumps(asdict(info), indent=1))
        return Clip(folder=self.folder, info=info)

    def __len__(self) -> int:
        return self.info.frame_count

    def path(self, kind: str, index: int) -> Path:
        """Where frame `index` of frames, regions, mattes, torso or surface lies."""
        suffix = {
            "frames": "jpg",
            "regions": "png",
            "mattes": "png",
            "torso": "png",
            "surface": "npz",
        }[kind]
        return self.folder / kind / f"{index:05d}.{suffix}"

    def frame(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """RGB."""
        return cv2.cvtColor(
            _read_image(self.path("frames", index), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )

    def regions(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """Region numbers."""
        return _read_image(self.path("regions", index), cv2.IMREAD_GRAYSCALE)

    @property
    def has_mattes(self) -> bool:
        """Whether soft outlines were observed; imported clips and those of older versions have only
        regions."""
        return (self.folder / "mattes").is_dir()

    def matte(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """The person's share of each pixel, 0..255."""
        return _read_image(self.path("mattes", index), cv2.IMREAD_GRAYSCALE)

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """RGBA, colours not multiplied by alpha."""
        return cv2.cvtColor(
            _read_image(self.path("torso", index), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA
        )

    def backdrop(self) -> UInt8[np.ndarray, "h w 3"]:
        """RGB."""
        return cv2.cvtColor(
            _read_image(self.folder / "backdrop.png", cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )

    def backdrop_seen(self) -> Bool[np.ndarray, "h w"]:
        """Where the backdrop was seen in some frame and is not a guess. Nowhere, if nobody wrote
        that down."""
        image = _read_image(self.folder / "backdrop.png", cv2.IMREAD_UNCHANGED)
        return (
            image[..., 3] > 0
            if image.ndim == 3 and image.shape[2] == 4
            else np.zeros(image.shape[:2], bool)
        )

    def surface(self, index: int) -> Surface:
        """The geometry priors at full size. Stored at half size: depth in 0.1 mm (0 = unknown),
        normals x 127."""
        path = self.path("surface", index)
        if not path.is_file():
            raise NotAnArtefact(
                f"{path} is missing. Run the stage again: instag prepare VIDEO -o {self.folder} "
                "--from surface"
            )
        stored = read_arrays(path)
        depth, normal = (
            stored["depth"].astype(np.float32) * 1e-4,
            stored["normal"].astype(np.float32) / 127,
        )
        size = (self.info.width, self.info.height)
        valid = (
            cv2.resize((depth > 0).astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.999
        )
        depth = cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR)
        normal = cv2.resize(normal, size, interpolation=cv2.INTER_LINEAR)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-8
        return Surface(depth=depth, normal=normal, valid=valid)

    def tables(self) -> ClipTables:
        """Raises NotAnArtefact where one is missing."""
        return ClipTables(
            track=self.track(), action_units=self.action_units(), backdrop=self.backdrop()
        )

    def track(self) -> Track:
        """Raises NotAnArtefact where track.npz is missing."""
        path = self.folder / "track.npz"
        if not path.is_file():
            raise NotAnArtefact(
                f"{path} is missing. Run the stage again: instag prepare VIDEO -o {self.folder} "
                "--from tracking"
            )
        with np.load(path) as stored:
            return Track(
                **{name: stored[name] for name in stored.files if name != "focal"},
                focal=float(stored["focal"]),
            )

    def action_units(self) -> dict[str, Float[np.ndarray, " f"]]:
        """The intensity columns of au.csv by OpenFace's names without `_r`: {"AU01": [0..5 per
        frame], ...}."""
        path = self.folder / "au.csv"
        if not path.is_file():
            raise NotAnArtefact(
                f"{path} is missing. Run the stage again: instag prepare VIDEO -o {self.folder} "
                "--from action_units"
            )
        with path.open(newline="") as handle:
            rows = list(csv.reader(handle))
        names = [name.strip() for name in rows[0]]
        table = np.array(rows[1:], dtype=np.float32)
        return {
            name[:-2]: table[:, column]
            for column, name in enumerate(names)
            if name.startswith("AU") and name.endswith("_r")
        }

    def speech(self) -> Float[np.ndarray, " samples"]:
        """The 16 kHz mono waveform in [-1, 1]."""
        path = self.folder / "speech.wav"
        if not path.is_file():
            raise NotAnArtefact(
                f"{path} is missing. Run the stage again: instag prepare VIDEO -o {self.folder} "
                "--from sound"
            )
        with wave.open(str(path)) as stored:
            return (
                np.frombuffer(stored.readframes(stored.getnframes()), np.int16).astype(np.float32)
                / 32768
            )

    def features(self, name: str) -> Float[np.ndarray, "f channels steps"]:
        """Stored speech features. Raises NotAnArtefact."""
        path = self.folder / "features" / f"{name}.npy"
        if not path.is_file():
            raise NotAnArtefact(
                f"{path} is missing. Run the stage again: instag prepare VIDEO -o {self.folder} "
                "--from features"
            )
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def save_frame(self, index: int, image: UInt8[np.ndarray, "h w 3"]) -> None:
        _write_image(
            self.path("frames", index),
            cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
            [
                cv2.IMWRITE_JPEG_QUALITY,
                97,
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
            ],
        )

    def save_regions(self, index: int, labels: UInt8[np.ndarray, "h w"]) -> None:
        _write_image(self.path("regions", index), labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])

    def save_matte(self, index: int, alpha: UInt8[np.ndarray, "h w"]) -> None:
        _write_image(self.path("mattes", index), alpha, [cv2.IMWRITE_PNG_COMPRESSION, 1])

    def save_torso(self, index: int, rgba: UInt8[np.ndarray, "h w 4"]) -> None:
        _write_image(
            self.path("torso", index),
            cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA),
            [cv2.IMWRITE_PNG_COMPRESSION, 1],
        )

    def save_backdrop(
        self, image: UInt8[np.ndarray, "h w 3"], seen: Bool[np.ndarray, "h w"] | None = None
    ) -> None:
        """seen: where the image is no guess; None where that is not known."""
        colors = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _write_image(
            self.folder / "backdrop.png",
            colors
            if seen is None
            else np.dstack([colors, np.where(seen, np.uint8(255), np.uint8(0))]),
            [],
        )

    def save_surface(self, index: int, surface: Surface) -> None:
        """Takes any size whose halving is the stored one; the full frame's size is expected."""
        half = (self.info.width // 2, self.info.height // 2)
        depth = cv2.resize(
            np.where(surface.valid, surface.depth, 0), half, interpolation=cv2.INTER_NEAREST
        )
        normal = cv2.resize(surface.normal, half, interpolation=cv2.INTER_NEAREST)
        write_arrays(
            self.path("surface", index),
            depth=(depth * 1e4).round().astype(np.uint16),
            normal=(normal * 127).round().astype(np.int8),
        )

    def save_track(self, track: Track) -> None:
        write_arrays(
            self.folder / "track.npz",
            **{name: np.asarray(value) for name, value in vars(track).items()},
        )

    def save_action_units(
        self, table: dict[str, Float[np.ndarray, " f"]], success: Bool[np.ndarray, " f"]
    ) -> None:
        """au.csv in OpenFace's columns; `table` as `action_units` returns it."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ["frame", "timestamp", "confidence", "success", *(f"{name}_r" for name in table)]
        )
        for index in range(len(success)):
            seen = int(success[index])
            writer.writerow(
                [
                    index + 1,
                    f"{index / self.info.fps:.3f}",
                    f"{0.98 * seen:.2f}",
                    seen,
                    *(f"{column[index]:.2f}" for column in table.values()),
                ]
            )
        write_atomic(self.folder / "au.csv", text.getvalue())

    def save_speech(self, waveform: Float[np.ndarray, " samples"]) -> None:
        with (
            atomic_path(self.folder / "speech.wav") as temporary,
            wave.open(str(temporary), "wb") as handle,
        ):
            handle.setnchannels(1)
            handle.setsampwidth(2)
            handle.setframerate(16_000)
            handle.writeframes((np.clip(waveform, -1, 1) * 32767).round().astype("<i2").tobytes())

    def save_features(self, name: str, features: Float[np.ndarray, "f channels steps"]) -> None:
        with (
            atomic_path(self.folder / "features" / f"{name}.npy") as temporary,
            temporary.open("wb") as handle,
        ):
            np.save(handle, features.astype(np.float32))


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an .npz, whole or not at all. Raises DiskFull.

    It is packed in memory: a zip file that can not be finished complains a second time when it is
    forgotten.
    """
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_atomic(path, content.getvalue())


def _read_image(path: Path, flags: int) -> np.ndarray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise NotAnArtefact(
            f"{path} is missing or damaged. Make it again with: instag prepare VIDEO -o "
            f"{path.parents[1]}"
        )
    return image


def _write_image(path: Path, image: np.ndarray, options: list[int]) -> None:
    worked, data = cv2.imencode(path.suffix, image, options)
    assert worked, f"OpenCV could not encode {path}"
    write_atomic(path, data.tobytes())
