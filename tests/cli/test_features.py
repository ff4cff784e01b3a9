"""`instag features`, and `--speech` where clips and avatars are made."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import hub
import instag
from bare_clip import bare_info
from instag.assets import store
from instag.assets.sample_speech import recording
from instag.capture.options import CaptureOptions
from instag.media.reader import read_sound
from instag.media.writer import write_video
from instag.speech.chunking import features, frame_count
from instag.speech.registry import create
from tiny_weights import write_tiny_weights


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")


@pytest.mark.parametrize("name", ["mel", "whisper", "motion"])
def test_writes_what_the_front_end_hears(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    front_end, sound = create(name), recording("speech_one").path
    monkeypatch.setattr(type(front_end), "piece", 50, raising=False)
    result = run("features", sound, "--speech", name, "-o", tmp_path / "x.npy", "--json")
    exit_on_error = json.loads(result.stdout)
    wanted = features(torch.from_numpy(read_sound(sound)), front_end).numpy()
    assert exit_on_error["shape"] == list(wanted.shape)
    assert exit_on_error["speech"] == name
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["deepspeech", "esperanto", "hubert", "ave", "wav2vec2:"])
def test_networks_hear_with_the_weights_that_are_there(run, tmp_path: Path, name: str) -> None:
    write_tiny_weights(tmp_path / "assets")
    name = f"wav2vec2:{hub.write_folder(tmp_path / 'letters')}" if name == "wav2vec2:" else name
    sound = recording("speech_one").path
    result = run("features", sound, "--speech", name, "-o", tmp_path / "x.npy", "--json")
    assert result.exit_code == 0, result.stderr
    heard, front_end = np.load(tmp_path / "x.npy"), create(name)
    assert heard.shape == (
        frame_count(torch.from_numpy(read_sound(sound))),
        front_end.channels,
        front_end.steps,
    )
    assert heard.std() > 0


def test_turns_the_originals_files(run, tmp_path: Path) -> None:
    stored = np.random.default_rng(0).standard_normal((5, 16, 44))
    np.save(tmp_path / "aud_eo.npy", stored)
    result = run(
        "features",
        tmp_path / "aud_eo.npy",
        "--speech",
        "esperanto",
        "-o",
        tmp_path / "esperanto.npy",
    )
    assert result.exit_code == 0
    np.testing.assert_allclose(
        np.load(tmp_path / "esperanto.npy"), stored.transpose(0, 2, 1).astype(np.float32)
    )
    assert run("features", tmp_path / "aud_eo.npy", "-o", tmp_path / "y.npy").exit_code == 2


@pytest.mark.parametrize("name", ["deepspeech", "esperanto", "hubert", "ave"])
@pytest.mark.parametrize("command", ["features", "prepare"])
def test_a_missing_file_of_weights_is_named(run, tmp_path: Path, command: str, name: str) -> None:
    source = recording("speech_one").path
    if command == "prepare":
        source = tmp_path / "me.mp4"
        pictures = (np.full((64, 64, 3), 90, np.uint8) for _ in range(60))
        write_video(source, pictures, sound=(np.zeros(40_000, np.float32), 16_000))
    result = run(command, source, "--speech", name, "-o", tmp_path / "output")
    assert result.exit_code == 1
    assert f"instag assets get {name}" in result.stderr
    assert store.named(name).file in result.stderr
    assert "MiB" in result.stderr
    assert not (tmp_path / "output").exists()


@pytest.mark.usefixtures("empty_inputs")
def test_speech_reaches_the_library(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    class Prepared(list):
        """As long as a clip, with the little that the command says of it."""

        info = bare_info(7)

    def prepare(video: Path, output: Path, options: CaptureOptions, **settings: object) -> Prepared:
        seen.update(settings, speech=options.speech)
        return Prepared([0] * 7)

    monkeypatch.setitem(vars(instag), "prepare", prepare)
    assert (
        run("prepare", "me.mp4", "-o", tmp_path / "me.clip", "--speech", "whisper").exit_code == 0
    )
    assert seen["speech"] == "whisper"
