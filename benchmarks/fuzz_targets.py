"""Targets: what reads files of others, each with a good file to start from, and with a use of what
was read, so that nothing wrong is accepted unseen.
"""

import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, final

import cv2
import numpy as np
import torch

if TYPE_CHECKING:
    import av

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # helpers that write small model files

ARTEFACTS = ROOT / "tests" / "artefacts"


class WronglyAccepted(Exception):
    """A file was taken, and what came of it is no head, no number or no picture."""


@final
@dataclass(frozen=True, kw_only=True)
class Target:
    """seed: writes the good file into a folder and returns its path. read: opens and uses it.
    folder: the seed lies in a folder that `read` gets in its place."""

    name: str
    seed: Callable[[Path], Path]
    read: Callable[[Path], None]
    folder: bool = False


def copied(name: str) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copy(ARTEFACTS / name, folder / name))


def clip_with(part: str) -> Callable[[Path], Path]:
    """A clip, of which one file is the seed."""

    def write(folder: Path) -> Path:
        clip = folder / "speaker.clip"
        shutil.copytree(ARTEFACTS / "speaker.clip", clip)
        return clip / part

    return write


def finite(what: str, *values: object) -> None:
    for value in values:
        array = np.asarray(value)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise WronglyAccepted(f"{what}: not finite")


def read_avatar(path: Path) -> None:
    """Open it and paint one frame; a frame without a head was wrongly accepted."""
    from instag.models.avatar import Avatar
    from instag.speech.lips.adapter import SpeakerAdapter
    from instag.synthesis.background import over_backdrop
    from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
    from instag.types import WINDOWS, Condition

    avatar = Avatar.open(path)
    given = avatar.conditioning
    if avatar.speaker_adapter is not None:
        SpeakerAdapter.of_state(avatar.speaker_adapter)
    behind = over_backdrop(avatar.torso(len(avatar) - 1), avatar.backdrop)
    inputs = FrameInputs(
        first=0,
        condition=Condition(
            speech=torch.zeros(1, WINDOWS, given.channels, given.steps),
            expression=avatar.expression[:1],
        ),
        viewmats=avatar.viewmats[:1],
        torso=[len(avatar) - 1],
    )
    with torch.no_grad():
        renderer = HeadRenderer(avatar, torch.device("cpu"))
        face, mouth = renderer.painter.layers(renderer.pose(inputs))
        finite("the picture", face.colors, face.alphas, mouth.colors, mouth.alphas)
        picture = renderer.painter.composite(face, mouth, torch.from_numpy(behind)[None])[0].numpy()
    if picture.shape != behind.shape:
        raise WronglyAccepted("the picture has another size")
    if float(face.alphas.max()) < 0.1:
        raise WronglyAccepted("there is no head")


def write_baked_avatar(folder: Path) -> Path:
    """The avatar of lip codes with a baked head in it, and which of its Gaussians are seen."""
    from dataclasses import replace

    from instag.models.avatar import Avatar
    from instag.models.bake import bake
    from instag.models.seen_cache import with_seen_gaussians

    avatar = Avatar.open(ARTEFACTS / "lip_codes.avatar")
    with_seen_gaussians(replace(avatar, baked=bake(avatar))).save(folder / "baked.avatar")
    return folder / "baked.avatar"


def read_prior(path: Path) -> None:
    from instag.models.prior import Prior

    prior = Prior.open(path)
    finite("a field", *(value.numpy() for value in prior.state().values()))


def read_clip(folder: Path) -> None:
    """Every part of it, and a batch as training reads it."""
    from instag.data.clip import Clip
    from instag.data.clip_dataset import ClipDataset
    from instag.data.speech_features import clip_features

    clip = Clip.open(folder)
    tables = clip.tables()
    finite("the sound", clip.speech())
    features = torch.from_numpy(np.array(clip_features(clip, "mel")))
    dataset = ClipDataset(clip, tables, size=48, features=features)
    batch = dataset.batch([0, len(clip) - 1], surface=True)
    finite(
        "a batch",
        batch.condition.speech,
        batch.condition.expression,
        batch.camera.viewmats,
        batch.camera.Ks,
        batch.depth,
        batch.normal,
    )
    if len(features) < len(clip) or len(tables.track.rotations) != len(clip):
        raise WronglyAccepted("tables of another length")


def read_landmarks(folder: Path) -> None:
    from instag.capture.extract_frames import read_landmarks as read
    from instag.data.clip import Clip

    finite("landmarks", read(Clip.open(folder)).points)


def write_landmarks(folder: Path) -> Path:
    from instag.perception.skin_flow import SKIN
    from instag.runtime.array_files import write_arrays

    path = clip_with("landmarks.npz")(folder)
    write_arrays(
        path,
        points=np.ones((10, 478, 3), np.float32),
        found=np.ones(10, bool),
        flow=np.zeros((10, len(SKIN), 2), np.float32),
    )
    return path


def write_checkpoint(folder: Path) -> Path:
    from instag.training.checkpoints import Position
    from instag.training.run_dir import RunDir

    run, at = RunDir(folder / "run", {"seed": 1}), Position(stage="face", step=7)
    run.checkpoints.save(at, {"people/0.face.means": torch.rand(9, 3), "adam/x": torch.rand(4)})
    return next((folder / "run").glob("checkpoint-*"))


def read_checkpoint(folder: Path) -> None:
    from instag.training.run_dir import RunDir

    _, tensors = RunDir(folder, {"seed": 1}).begin(("face", "mouth"))
    finite(
        "a checkpoint", *(value.numpy() for value in tensors.values() if value.is_floating_point())
    )


def write_metrics_rows(folder: Path) -> Path:
    path = write_checkpoint(folder).with_name("metrics.jsonl")
    path.write_text('{"stage": "face", "step": 3, "loss": 0.5}\n' * 3)
    return path


def write_state(folder: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.rand(shape, generator=generator)
        for name, shape in {"a.weight": (4, 3), "b.bias": (5,), "c": ()}.items()
    }
    torch.save((state, {"step": 1}), folder / "state.pth")
    return folder / "state.pth"


def read_state(path: Path) -> None:
    from instag.interop.instag_checkpoints import read_state as read

    finite(
        "a state", *(value.numpy() for value in read(path).values() if value.is_floating_point())
    )


def write_tensors(folder: Path) -> Path:
    torch.save({"a": torch.rand(4, 3), "b": torch.arange(5)}, folder / "weights.pth")
    return folder / "weights.pth"


def write_npz(folder: Path) -> Path:
    np.savez(folder / "weights.npz", a=np.ones((4, 3), np.float32), b=np.arange(5))
    return folder / "weights.npz"


def read_tensors(path: Path) -> None:
    from instag.assets.tensor_files import read_tensors as read

    finite(
        "weights", *(value.numpy() for value in read(path).values() if value.is_floating_point())
    )


def write_graph(folder: Path) -> Path:
    import frozen

    return frozen.write_graph(folder / "graph.pb", frozen.weights())


def read_graph(path: Path) -> None:
    from instag.speech.deepspeech import load_frozen

    network = load_frozen(path)
    finite("a graph", *(value.numpy() for value in network.state_dict().values()))


def write_onnx(folder: Path) -> Path:
    from instag.assets.tflite.onnx_writer import OnnxGraph

    graph = OnnxGraph(name="small")
    graph.add_input("x", (1, 4))
    weights = graph.constant(np.ones((4, 3), np.float32))
    graph.node("MatMul", ["x", weights], "y")
    graph.add_output("y", (1, 3))
    (folder / "small.onnx").write_bytes(graph.to_bytes())
    return folder / "small.onnx"


def read_onnx(path: Path) -> None:
    from instag.assets.onnx_session import open_onnx

    open_onnx(path)


def write_openface(folder: Path) -> Path:
    from instag.capture.openface import REQUIRED

    names = ["frame", "timestamp", "confidence", "success", *(f"{name}_r" for name in REQUIRED)]
    rows = [
        [
            str(index + 1),
            f"{index / 25:.3f}",
            "0.98",
            "1",
            *(f"{index % 5 / 4:.2f}" for _ in REQUIRED),
        ]
        for index in range(20)
    ]
    path = folder / "openface.csv"
    path.write_text("\n".join(", ".join(row) for row in [names, *rows]))
    return path


def read_openface(path: Path) -> None:
    from instag.capture.openface import read_openface as read
    from instag.errors import InstagError
    from instag.evaluation.action_units import read_openface as read_for_evaluation

    with suppress(InstagError):
        finite("action units", *read(path, 20).units.values())
    read_for_evaluation(path)


def write_transforms(folder: Path) -> Path:
    from instag.interop.adnerf.poses import write_transforms as write

    write(
        folder / "transforms_train.json", np.tile(np.eye(4), (5, 1, 1)), range(5), 900.0, (64, 64)
    )
    return folder / "transforms_train.json"


def read_transforms(path: Path) -> None:
    from instag.interop.adnerf.poses import read_transforms as read

    found = read(path.parent)
    if found is not None:
        finite("poses", found.focal, *found.matrices.values())


def write_track_params(folder: Path) -> Path:
    from instag.interop.adnerf.poses import write_track_params as write

    write(folder / "track_params.pt", np.tile(np.eye(4), (5, 1, 1)), 900.0)
    return folder / "track_params.pt"


def read_track_params(path: Path) -> None:
    from instag.interop.adnerf.poses import read_track_params as read

    found = read(path)
    finite("poses", found.focal, *found.matrices.values())


def write_features(folder: Path) -> Path:
    np.save(folder / "aud_eo.npy", np.ones((10, 16, 44), np.float32))
    return folder / "aud_eo.npy"


def read_features(path: Path) -> None:
    from instag.data.given_features import read_instag_features

    finite("features", read_instag_features(path, "esperanto"))


def picture(suffix: str, channels: int) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"picture{suffix}"
        gradient = np.arange(64 * 64 * channels).reshape(64, 64, channels) % 251
        cv2.imwrite(str(path), gradient.astype(np.uint8))
        return path

    return write


def read_picture(path: Path) -> None:
    from instag.errors import NotMedia
    from instag.runtime.picture_file import read_picture as read
    from instag.runtime.untrusted import parsing

    with parsing(path, "a picture", "Copy it again.", error=NotMedia):
        found = read(path, cv2.IMREAD_UNCHANGED, (64, 64))
    if found.shape[:2] != (64, 64) or found.dtype != np.uint8:
        raise WronglyAccepted("a picture of another size")


def write_report(folder: Path) -> Path:
    from instag.evaluation.metrics_files import TABLE, save_metrics
    from instag.evaluation.metrics_table import Metrics, Row
    from instag.evaluation.not_measured import NotMeasured

    row = Row(group="Picture", key="psnr", label="PSNR", unit="dB", better="more", value=30.5)
    other = Row(group="Lips", key="lag", label="Lag", value=NotMeasured("no sound"), truth=1)
    save_metrics(Metrics(about={"truth": "a"}, rows=[row, other]), folder)
    return folder / TABLE


def read_report(path: Path) -> None:
    from instag.evaluation.metrics_files import load_metrics

    load_metrics(path.parent)


@cache
def film_bytes(name: str, picture: str, sound: str) -> bytes:
    """A second of picture and sound."""
    import av
    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream

    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        with av.open(str(path), "w") as container:
            packets: list[av.Packet] = []
            if picture:
                quiet = {"x265-params": "log-level=none"} if picture == "libx265" else {}
                video = container.add_stream(picture, rate=25, options=quiet)
                assert isinstance(video, VideoStream)
                video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            audio = container.add_stream(sound, rate=48_000, layout="mono")
            assert isinstance(audio, AudioStream)
            if picture:
                for index in range(25):
                    bright = np.full((48, 64, 3), 9 * index, np.uint8)
                    frame = av.VideoFrame.from_ndarray(bright, "rgb24")
                    frame.pts, frame.time_base = index, Fraction(1, 25)
                    packets += video.encode(frame)
                packets += video.encode(None)
            wave = (20_000 * np.sin(np.arange(48_000) * 0.1)).astype(np.int16)
            turned = av.AudioResampler(audio.codec_context.format, "mono", 48_000)
            for start in range(0, 48_000, 960):
                piece = av.AudioFrame.from_ndarray(wave[None, start : start + 960], "s16", "mono")
                piece.sample_rate, piece.pts = 48_000, start
                piece.time_base = Fraction(1, 48_000)
                for ready in turned.resample(piece):
                    packets += audio.encode(ready)
            packets += audio.encode(None)
            for packet in sorted(packets, key=_decoded_at_s):
                container.mux(packet)
        return path.read_bytes()


def _decoded_at_s(packet: "av.Packet") -> float:
    assert packet.dts is not None
    assert packet.time_base is not None
    return float(packet.dts * packet.time_base)


def film(name: str, picture: str, sound: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(film_bytes(name, picture, sound))
        return folder / name

    return write


def read_media(path: Path) -> None:
    """As `prepare` and `speak` do."""
    from instag.media.reader import probe, read_frames, read_sound

    about = probe(path)
    if about.has_sound:
        finite("the sound", read_sound(path))
    if about.has_picture:
        for index, frame in enumerate(read_frames(path)):
            if frame.dtype != np.uint8 or frame.ndim != 3 or index > 10_000:
                raise WronglyAccepted("no frames of such a film")


FILMS = (
    ("film.mp4", "libx264", "aac"),
    ("film.mov", "mpeg4", "pcm_s16le"),
    ("film.mkv", "libx264", "libopus"),
    ("film.webm", "libvpx", "libopus"),
    ("film.avi", "mpeg4", "libmp3lame"),
    ("film.ts", "libx264", "aac"),
    ("film.flv", "flv", "aac"),
    ("film.asf", "wmv2", "libmp3lame"),
    ("film.mpg", "libx264", "mp2"),
    ("hevc.mkv", "libx265", "flac"),
    ("vp9.webm", "libvpx-vp9", "libopus"),
    ("sound.wav", "", "pcm_s16le"),
    ("sound.mp3", "", "libmp3lame"),
    ("sound.flac", "", "flac"),
    ("sound.ogg", "", "libopus"),
    ("sound.m4a", "", "aac"),
    ("sound.caf", "", "alac"),
    ("sound.w64", "", "pcm_s16le"),
    ("sound.aiff", "", "pcm_s16be"),
)
CLIP_PARTS = (
    "clip.json",
    "track.npz",
    "au.csv",
    "speech.wav",
    "backdrop.png",
    "features/mel.npy",
    "frames/00000.jpg",
    "regions/00000.png",
    "torso/00000.png",
    "surface/00000.npz",
)
TARGETS = (
    *(
        Target(name=name, seed=copied(name), read=read_avatar)
        for name in ("audio.avatar", "lip_codes.avatar")
    ),
    Target(name="baked.avatar", seed=write_baked_avatar, read=read_avatar),
    Target(name="prior", seed=copied("lip_codes.prior"), read=read_prior),
    *(
        Target(name=f"clip: {part}", seed=clip_with(part), read=read_clip, folder=True)
        for part in CLIP_PARTS
    ),
    Target(name="clip: landmarks.npz", seed=write_landmarks, read=read_landmarks, folder=True),
    Target(name="checkpoint", seed=write_checkpoint, read=read_checkpoint, folder=True),
    Target(name="metrics.jsonl", seed=write_metrics_rows, read=read_checkpoint, folder=True),
    Target(name="original checkpoint", seed=write_state, read=read_state),
    Target(name="weights .pth", seed=write_tensors, read=read_tensors),
    Target(name="weights .npz", seed=write_npz, read=read_tensors),
    Target(name="frozen graph", seed=write_graph, read=read_graph),
    Target(name="onnx", seed=write_onnx, read=read_onnx),
    Target(name="openface", seed=write_openface, read=read_openface),
    Target(name="transforms", seed=write_transforms, read=read_transforms),
    Target(name="track_params", seed=write_track_params, read=read_track_params),
    Target(name="original features", seed=write_features, read=read_features),
    Target(name="jpg", seed=picture(".jpg", 3), read=read_picture),
    Target(name="png", seed=picture(".png", 4), read=read_picture),
    Target(name="webp", seed=picture(".webp", 4), read=read_picture),
    Target(name="report", seed=write_report, read=read_report),
    *(
        Target(name=f"media: {name}", seed=film(name, picture, sound), read=read_media)
        for name, picture, sound in FILMS
    ),
)


def unpacked(path: Path) -> dict[str, bytes]:
    """The members of an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
