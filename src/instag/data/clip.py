"""The Clip: one observed person, as a folder on disk (the first of the three artefacts).

    clip.json           ClipInfo (data/clip_info.py)
    speech.wav          16 kHz mono, already shifted by the sound's delay
    frames/00000.jpg    the square crop, 25 fps
    regions/00000.png   one channel of Region numbers
    mattes/00000.png    the person's share of each pixel; a clip may lack them
    torso/00000.png     RGBA: cloth and neck, extended under the head
    backdrop.png        what lies behind the person; clear where no frame showed it
    track.npz           Track
    au.csv              action units in OpenFace's columns
    surface/00000.npz   depth and normal priors, half size
    features/mel.npy    speech features

Everything is read when asked for: memory does not grow with the length.
"""

import hashlib
import json
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.data.clip_info import FORMAT_VERSION, ClipInfo, info_of
from instag.data.clip_tables import (
    ActionUnits,
    ClipTables,
    read_action_units,
    read_track,
    write_action_units,
    write_track,
)
from instag.data.kept_pictures import KeptPictures
from instag.data.picture_coding import DEFAULT_PNG, FRAME_JPEG, LABEL_PNG, TORSO_PNG, write_picture
from instag.data.surface import Surface
from instag.errors import NotAnArtefact
from instag.media.pcm import pcm16
from instag.media.wav import write_wav
from instag.observed import SAMPLE_RATE, Region, Track
from instag.runtime.array_files import map_array, read_arrays, write_array, write_arrays
from instag.runtime.files import atomic_path, write_atomic
from instag.runtime.picture_file import read_picture
from instag.runtime.untrusted import (
    check_array,
    check_format,
    parsing,
    read_text,
    record,
    refuse_link,
    whole_number,
)

MOST_INFO = 2**24
"""Bytes of clip.json."""
MISSING_SOUND_S = 1.0
"""Of a clip's end, at most."""
MOST_SURFACE = 2**28
"""Bytes of one frame's depth and normals, unpacked."""
STAGE_OF = {
    "frames": "video",
    "landmarks.npz": "video",
    "speech.wav": "sound",
    "track.npz": "tracking",
    "au.csv": "action_units",
    "regions": "regions",
    "backdrop.png": "backdrop",
    "mattes": "mattes",
    "torso": "torso",
    "surface": "surface",
    "features": "features",
}
"""The stage of `prepare` that writes each part of the folder."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A Clip on disk. Open one with `Clip.open(folder)`; write one with the `save_*` methods, then
    `save_info`. Reading raises NotAnArtefact, writing DiskFull and NotWritable.

    kept: pictures that need not be decoded again, while the clip is being made.
    """

    folder: Path
    info: ClipInfo
    kept: KeptPictures | None = field(default=None, compare=False, repr=False)

    @classmethod
    def open(cls, folder: Path | str) -> "Clip":
        """Raises NotAnArtefact, NewerFormat."""
        folder = Path(folder)
        path = folder / "clip.json"
        if not path.is_file():
            raise NotAnArtefact.clip(folder)
        remedy = f"Make the clip again with: instag prepare VIDEO -o {folder}"
        with parsing(path, "the description of a clip", remedy):
            content = record(path.name, json.loads(read_text(path, MOST_INFO)))
            version = whole_number("format_version", content["format_version"], 1, 2**31)
            check_format(folder, version, FORMAT_VERSION)
            return cls(folder=folder, info=info_of(content))

    def save_info(self, info: ClipInfo) -> "Clip":
        """Write clip.json and return the Clip with it."""
        write_atomic(self.folder / "clip.json", json.dumps(asdict(info), indent=1), lasting=True)
        return replace(self, info=info)

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

    def digest(self) -> str:
        """Of what was observed: the settings of its pictures, and its tables and sound themselves.
        It identifies the clip, wherever it lies. Raises NotAnArtefact where one is missing."""
        info = self.info
        pictures = {name: made.settings for name, made in info.stages.items()}
        about = [info.source_sha256, info.first_frame, info.frame_count, info.crop, info.width]
        whole = hashlib.sha256(json.dumps([about, pictures], sort_keys=True).encode())
        for name in ("track.npz", "au.csv", "speech.wav"):
            with self.reading(path := self.folder / name), path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self.info.width, self.info.height

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Let whatever the block raises about one of the clip's files become NotAnArtefact, with
        the command that makes the file again."""
        part = path.relative_to(self.folder).parts[0]
        again = (
            f"Make it again with: instag prepare VIDEO -o {self.folder} "
            f"--from-stage {STAGE_OF[part]}"
        )
        if not path.is_file():
            raise NotAnArtefact(f"{path} is missing. {again}")
        with parsing(path, "what a clip holds there", again):
            yield

    def _picture(self, path: Path, flags: int, *, channels: int | None) -> np.ndarray:
        """A picture of the clip's size; channels: None for a single one."""
        with self.reading(path):
            picture = read_picture(path, flags, self.size())
            if picture.shape[2:] != (() if channels is None else (channels,)):
                raise ValueError(f"it has not {channels or 'one'} channels")
            return picture

    def _once(
        self, read: Callable[[Path], UInt8[np.ndarray, "h w ..."]], path: Path
    ) -> UInt8[np.ndarray, "h w ..."]:
        """What `read` decodes of a file, or what was kept of it."""
        return read(path) if self.kept is None else self.kept.picture(path, lambda: read(path))

    def frame(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """RGB."""
        return self._once(self._frame, self.path("frames", index))

    def _frame(self, path: Path) -> UInt8[np.ndarray, "h w 3"]:
        return cv2.cvtColor(self._picture(path, cv2.IMREAD_COLOR, channels=3), cv2.COLOR_BGR2RGB)

    def regions(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """Region numbers."""
        return self._once(self._regions, self.path("regions", index))

    def _regions(self, path: Path) -> UInt8[np.ndarray, "h w"]:
        regions = self._picture(path, cv2.IMREAD_GRAYSCALE, channels=None)
        with self.reading(path):
            if regions.max() > max(Region):
                raise ValueError(f"it holds {regions.max()}, which is no region")
        return regions

    @property
    def has_mattes(self) -> bool:
        """Whether soft outlines were observed; imported clips and those of older versions have only
        regions."""
        return (self.folder / "mattes").is_dir()

    def matte(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """The person's share of each pixel, 0..255."""
        return self._once(self._matte, self.path("mattes", index))

    def _matte(self, path: Path) -> UInt8[np.ndarray, "h w"]:
        return self._picture(path, cv2.IMREAD_GRAYSCALE, channels=None)

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """RGBA, colours not multiplied by alpha."""
        return cv2.cvtColor(
            self._picture(self.path("torso", index), cv2.IMREAD_UNCHANGED, channels=4),
            cv2.COLOR_BGRA2RGBA,
        )

    def backdrop(self) -> UInt8[np.ndarray, "h w 3"]:
        """RGB."""
        return cv2.cvtColor(
            self._picture(self.folder / "backdrop.png", cv2.IMREAD_COLOR, channels=3),
            cv2.COLOR_BGR2RGB,
        )

    def backdrop_seen(self) -> Bool[np.ndarray, "h w"]:
        """Where the backdrop was seen in some frame and is not a guess. Nowhere, if nobody wrote
        that down."""
        path = self.folder / "backdrop.png"
        with self.reading(path):
            image = read_picture(path, cv2.IMREAD_UNCHANGED, self.size())
        return (
            image[..., 3] > 0
            if image.ndim == 3 and image.shape[2] == 4
            else np.zeros(image.shape[:2], bool)
        )

    def surface(self, index: int) -> Surface:
        """The geometry priors, brought from half to full size."""
        path = self.path("surface", index)
        with self.reading(path):
            return Surface.from_stored(read_arrays(path, most=MOST_SURFACE), self.size())

    def tables(self) -> ClipTables:
        """Raises NotAnArtefact where one is missing."""
        return ClipTables(
            track=self.track(), action_units=self.action_units(), backdrop=self.backdrop()
        )

    def track(self) -> Track:
        """Raises NotAnArtefact where track.npz is missing, or of other frames."""
        path = self.folder / "track.npz"
        with self.reading(path):
            return read_track(path, len(self))

    def action_units(self) -> ActionUnits:
        """Strengths by OpenFace's names without `_r`: {"AU01": [0..5 per frame], ...}."""
        path = self.folder / "au.csv"
        with self.reading(path):
            return read_action_units(path, len(self))

    def speech(self) -> Float[np.ndarray, " samples"]:
        """The 16 kHz mono waveform in [-1, 1], about as long as the frames."""
        path = self.folder / "speech.wav"
        with self.reading(path), wave.open(str(path)) as stored:
            form = stored.getnchannels(), stored.getsampwidth(), stored.getframerate()
            if form != (1, 2, SAMPLE_RATE):
                raise ValueError("it is not 16 kHz, mono, 16 bit")
            most = path.stat().st_size // 2  # a header may name more
            samples = np.frombuffer(stored.readframes(min(stored.getnframes(), most)), np.int16)
            missing = len(self) / self.info.fps - len(samples) / SAMPLE_RATE
            if not len(samples) or missing > MISSING_SOUND_S:
                raise ValueError(f"it ends {missing:.1f} s before the frames do")
            return samples.astype(np.float32) / 32768

    def features(self, name: str) -> Float[np.ndarray, "f channels steps"]:
        """Stored speech features. Raises NotAnArtefact."""
        path = self.folder / "features" / f"{name}.npy"
        with self.reading(path):
            return check_array(name, map_array(path), (None, None, None))

    def save_frame(self, index: int, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """RGB, as JPEG of high quality."""
        path = self.path("frames", index)
        if self.kept is not None:
            self.kept.forget(path)
        self._write(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), FRAME_JPEG)

    def save_regions(self, index: int, labels: UInt8[np.ndarray, "h w"]) -> None:
        """Region numbers."""
        self._save_plain(self.path("regions", index), labels)

    def save_matte(self, index: int, alpha: UInt8[np.ndarray, "h w"]) -> None:
        """The person's share of each pixel, 0..255."""
        self._save_plain(self.path("mattes", index), alpha)

    def _save_plain(self, path: Path, picture: UInt8[np.ndarray, "h w"]) -> None:
        self._write(path, picture, LABEL_PNG)
        if self.kept is not None:
            self.kept.keep(path, picture)

    def save_torso(self, index: int, rgba: UInt8[np.ndarray, "h w 4"]) -> None:
        """RGBA, colours not multiplied by alpha."""
        bgra = cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA)
        self._write(self.path("torso", index), bgra, TORSO_PNG)

    def save_backdrop(
        self, image: UInt8[np.ndarray, "h w 3"], seen: Bool[np.ndarray, "h w"] | None = None
    ) -> None:
        """seen: where the image is no guess; None where that is not known."""
        colors = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if seen is not None:
            colors = np.dstack([colors, np.where(seen, np.uint8(255), np.uint8(0))])
        self._write(self.folder / "backdrop.png", colors, DEFAULT_PNG)

    def _write(self, path: Path, image: np.ndarray, coding: tuple[int, ...]) -> None:
        if path.parent != self.folder:
            refuse_link(path.parent)
        write_picture(path, image, coding)

    def save_surface(self, index: int, surface: Surface) -> None:
        """Takes any size; half the frame's is stored as it is."""
        path = self.path("surface", index)
        refuse_link(path.parent)
        write_arrays(path, **surface.to_stored(self.size()))

    def save_track(self, track: Track) -> None:
        """Poses, landmarks and the resting face."""
        write_track(self.folder / "track.npz", track)

    def save_action_units(self, table: ActionUnits, success: Bool[np.ndarray, " f"]) -> None:
        """au.csv in OpenFace's columns; `table` as `action_units` returns it. success: where a face
        was found."""
        write_action_units(self.folder / "au.csv", table, success, self.info.fps)

    def save_speech(self, waveform: Float[np.ndarray, " samples"]) -> None:
        """The 16 kHz mono waveform in [-1, 1], as 16 bit."""
        with atomic_path(self.folder / "speech.wav") as temporary:
            write_wav(temporary, pcm16(waveform))

    def save_features(self, name: str, features: Float[np.ndarray, "f channels steps"]) -> None:
        """Speech features of one front end, by its name."""
        path = self.folder / "features" / f"{name}.npy"
        refuse_link(path.parent)
        write_array(path, features.astype(np.float32))
