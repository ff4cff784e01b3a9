"""A synthetic clip in the family's layout and back: the same where the layout has a place for it,
said and replaced where not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from instag.data.clip import Clip
from instag.errors import BadArgument, BadLayout, NoSound, TableMismatch, TooShort
from instag.interop.adnerf import images
from instag.interop.adnerf import import_clip as importing
from instag.interop.adnerf.export_clip import export_clip
from instag.interop.adnerf.import_clip import import_clip
from instag.interop.adnerf.layout import Layout
from instag.interop.adnerf.source import scan_folder
from instag.perception.face_mesh import Landmarks
from instag.synthetic import write_clip

FRAMES = 56


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    clip = write_clip(tmp_path_factory.mktemp("synthetic") / "me.clip", frames=FRAMES, size=64)
    clip.save_features(
        "deepspeech", np.random.default_rng(0).normal(size=(FRAMES, 29, 16)).astype(np.float32)
    )
    return clip


@pytest.fixture(scope="module")
def exported(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_clip(clip, tmp_path_factory.mktemp("family") / "me").folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage, without our own sidecar."""
    shutil.copytree(exported, tmp_path / "me")
    shutil.rmtree(tmp_path / "me" / "instag")
    return tmp_path / "me"


@pytest.fixture
def observed(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """No face is looked for in pictures of 64 pixels: landmarks and our own track are the truth."""
    track = clip.track()
    truth = Landmarks(
        points=track.landmarks, found=track.found, flow=np.zeros((FRAMES, 27, 2), np.float32)
    )
    monkeypatch.setattr(importing, "find_landmarks", lambda *_, **__: truth)
    monkeypatch.setattr(importing, "fit_head", lambda *_, **__: track)


@pytest.fixture
def labelled(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own regions are the truth."""

    def label(target: Clip, *_: object) -> None:
        for index in range(len(target)):
            target.save_regions(index, clip.regions(index))

    monkeypatch.setattr(images, "label_regions", label)


def files_of(clip: Clip) -> dict[str, bytes]:
    return {
        str(path.relative_to(clip.folder)): path.read_bytes()
        for path in sorted(clip.folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_lost_there_and_back(clip: Clip, exported: Path, tmp_path: Path) -> None:
    imported = import_clip(exported, tmp_path / "back.clip")
    assert imported.notes == ()
    assert imported.clip.info == clip.info
    before, after = files_of(clip), files_of(Clip.open(tmp_path / "back.clip"))
    assert set(before) == set(after)
    for name, content in before.items():
        if Path(name).suffix in (".jpg", ".json", ".wav") or name.startswith(
            ("torso", "surface", "features")
        ):
            assert after[name] == content, name
    one, other = clip.track(), imported.clip.track()
    assert all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())
    for index in range(FRAMES):
        assert np.array_equal(clip.regions(index), imported.clip.regions(index))
    assert np.array_equal(clip.backdrop(), imported.clip.backdrop())
    units = imported.clip.action_units()
    assert {name: values.tolist() for name, values in clip.action_units().items()} == {
        name: values.tolist() for name, values in units.items()
    }


@pytest.mark.parametrize(("half_closed", "warns"), [(5.0, True), (0.4, True), (1.0, False)])
def test_eyes_that_are_never_half_closed_are_said(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half_closed: float, warns: bool
) -> None:
    """The original's curriculum waits for half-closed ones."""
    blinks = np.where(np.arange(FRAMES) % 5, 0, half_closed)
    monkeypatch.setattr(Clip, "action_units", lambda _: {"AU45": blinks})
    notes = export_clip(clip, tmp_path / "exported").notes
    assert any("AU45" in note and "curriculum" in note for note in notes) is warns


def test_the_layout_is_what_the_trainers_read(clip: Clip, exported: Path) -> None:
    for name in (
        "ori_imgs/0.jpg",
        "ori_imgs/55.lms",
        "gt_imgs/55.jpg",
        "torso_imgs/7.png",
        "parsing/7.png",
        "teeth_mask/7.npy",
        "bc.jpg",
        "aud.wav",
    ):
        assert (exported / name).is_file(), name
    assert np.loadtxt(exported / "ori_imgs" / "3.lms").shape == (68, 2)
    assert np.load(exported / "teeth_mask" / "3.npy").dtype == bool
    assert np.load(exported / "aud_ds.npy").shape == (FRAMES, 16, 29)
    torso = cv2.imread(str(exported / "torso_imgs" / "3.png"), cv2.IMREAD_UNCHANGED)
    assert torso is not None
    assert torso.shape == (
        64,
        64,
        4,
    )
    assert " AU45_r" in (exported / "au.csv").read_text().splitlines()[0].split(",")
    assert np.load(exported / "sapiens" / "normal" / "sapiens_instag" / "3.npy").shape == (
        64,
        64,
        3,
    )
    depth = np.load(exported / "sapiens" / "depth" / "sapiens_instag" / "3.npy")
    assert depth.shape == (64, 64)
    assert depth.min() > 0.3
    train, val = (
        json.loads((exported / f"transforms_{name}.json").read_text())["frames"]
        for name in ("train", "val")
    )
    assert [frame["img_id"] for frame in train + val] == list(range(FRAMES))
    assert len(train) == FRAMES * 10 // 11
    lips = np.loadtxt(exported / "ori_imgs" / "3.lms")[48:60]
    np.testing.assert_array_equal(lips.astype(np.float32), clip.track().landmarks68[3, 48:60])


def test_without_our_sidecar_the_layout_alone_is_kept(
    clip: Clip, folder: Path, observed: None, tmp_path: Path
) -> None:
    shutil.rmtree(folder / "sapiens")
    imported = import_clip(folder, tmp_path / "back.clip")
    assert len(imported.notes) == 1
    assert "no Sapiens priors" in imported.notes[0]
    back = imported.clip
    assert (back.info.source, back.info.test_frames, back.info.frame_count) == (
        "me",
        FRAMES - FRAMES * 10 // 11,
        FRAMES,
    )
    one, other = clip.track(), back.track()
    for name in ("rotations", "translations", "landmarks68", "focal"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    np.testing.assert_allclose(one.identity, other.identity, atol=2e-3)
    assert all(np.array_equal(clip.regions(index), back.regions(index)) for index in range(FRAMES))
    assert np.array_equal(clip.speech(), back.speech())
    np.testing.assert_allclose(np.asarray(clip.features("deepspeech")), back.features("deepspeech"))
    assert np.abs(clip.backdrop().astype(int) - back.backdrop()).mean() < 2
    assert back.surface(3).valid.any()


def test_sapiens_predictions_are_brought_into_metres_and_our_axes(
    clip: Clip, folder: Path, observed: None, tmp_path: Path
) -> None:
    """Relative depth, y down, half the frames: as another network's files would be."""
    (folder / "sapiens" / "depth" / "sapiens_instag").rename(
        folder / "sapiens" / "depth" / "sapiens_0.3b"
    )
    (folder / "sapiens" / "normal" / "sapiens_instag").rename(
        folder / "sapiens" / "normal" / "sapiens_0.3b"
    )
    for path in (folder / "sapiens" / "depth" / "sapiens_0.3b").iterdir():
        np.save(path, np.load(path) * 0.4 - 0.1 - int(path.stem) / 100)
    for path in (folder / "sapiens" / "normal" / "sapiens_0.3b").iterdir():
        np.save(path, np.load(path).astype(np.float32) * [1, -1, 1])
        if int(path.stem) >= 40:
            path.unlink()
    imported = import_clip(folder, tmp_path / "back.clip")
    assert imported.notes == (
        "Sapiens priors are there for 40 of 56 frames: in the others depth and normals are those "
        "of the tracked face.",
    )
    true, back = clip.surface(20), imported.clip.surface(20)
    shared = true.valid & back.valid
    assert shared.sum() > 0.5 * true.valid.sum()
    assert np.median(np.abs(true.depth - back.depth)[shared]) < 0.01
    assert np.median((true.normal * back.normal).sum(-1)[shared]) > 0.95


def test_everything_optional_may_be_missing(
    clip: Clip, folder: Path, observed: None, labelled: None, tmp_path: Path
) -> None:
    for name in ("parsing", "teeth_mask", "torso_imgs", "sapiens", "gt_imgs"):
        shutil.rmtree(folder / name)
    for name in (
        "bc.jpg",
        "au.csv",
        "track_params.pt",
        "transforms_train.json",
        "transforms_val.json",
        "aud_ds.npy",
    ):
        (folder / name).unlink()
    for path in (folder / "ori_imgs").glob("*.lms"):
        path.unlink()
    imported = import_clip(folder, tmp_path / "back.clip")
    said = "\n".join(imported.notes)
    for part in (
        "no poses",
        "68 landmarks",
        "no parsing",
        "no bc.jpg",
        "no torso_imgs",
        "no au.csv",
        "no Sapiens priors",
    ):
        assert part in said
    back = imported.clip
    assert back.torso(3).shape == (64, 64, 4)
    assert set(back.action_units()) >= {"AU01", "AU25", "AU45"}
    assert back.features("mel").shape[0] == FRAMES


def test_the_older_dialect_has_hair_mouth_and_teeth_found_by_us(
    clip: Clip, observed: None, labelled: None, tmp_path: Path
) -> None:
    export_clip(clip, tmp_path / "old", layout=Layout.RADNERF)
    shutil.rmtree(tmp_path / "old" / "instag")
    assert not (tmp_path / "old" / "teeth_mask").exists()
    assert np.load(tmp_path / "old" / "aud.npy").shape == (FRAMES, 16, 29)
    imported = import_clip(tmp_path / "old", tmp_path / "back.clip")
    assert any("tell hair and mouth" in note for note in imported.notes)
    assert any("no teeth_mask" in note for note in imported.notes)
    assert np.array_equal(clip.regions(5), imported.clip.regions(5))


def test_a_part_from_the_middle_keeps_its_sound(
    clip: Clip, folder: Path, observed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first frames are gone, as after a cut by hand: numbers, sound, action units and features
    go together."""
    track = clip.track()
    cut = replace(
        track,
        **{
            name: getattr(track, name)[4:]
            for name in ("rotations", "translations", "landmarks", "landmarks68", "found")
        },
    )
    monkeypatch.setattr(importing, "fit_head", lambda *_, **__: cut)
    for number in range(4):
        (folder / "ori_imgs" / f"{number}.jpg").unlink()
    back = import_clip(folder, tmp_path / "back.clip").clip
    assert len(back) == FRAMES - 4
    assert np.array_equal(back.speech(), clip.speech()[4 * 640 :])
    np.testing.assert_array_equal(back.action_units()["AU25"], clip.action_units()["AU25"][4:])
    np.testing.assert_array_equal(
        back.features("deepspeech"), np.asarray(clip.features("deepspeech"))[4:]
    )


def test_what_contradicts_itself_is_refused_and_leaves_nothing(
    folder: Path, observed: None, tmp_path: Path
) -> None:
    output = tmp_path / "back.clip"
    with pytest.raises(BadLayout, match="no folder"):
        import_clip(tmp_path / "nothing", output)
    with pytest.raises(BadLayout, match="has no frames"):
        import_clip(tmp_path, output)
    (folder / "teeth_mask" / "7.npy").unlink()
    with pytest.raises(BadLayout, match=r"teeth_mask lacks 1 of 56 frames \(first: 7\)"):
        import_clip(folder, output)
    cv2.imwrite(str(folder / "parsing" / "9.png"), np.zeros((8, 8, 3), np.uint8))
    shutil.rmtree(folder / "teeth_mask")
    (folder / "ori_imgs" / "20.jpg").unlink()
    with pytest.raises(BadLayout, match=r"1 pictures are missing .*first: 20"):
        import_clip(folder, output)
    for number in range(20, 56):
        (folder / "ori_imgs" / f"{number}.jpg").unlink(missing_ok=True)
    with pytest.raises(TooShort, match=r"holds 0\.8 s"):
        import_clip(folder, output)
    assert not [path for path in tmp_path.iterdir() if path.name != "me"]


def test_no_sound_is_no_clip(folder: Path, observed: None, tmp_path: Path) -> None:
    (folder / "aud.wav").unlink()
    with pytest.raises(NoSound, match="neither aud"):
        import_clip(folder, tmp_path / "back.clip")


def test_other_files_are_not_overwritten(clip: Clip, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "cat.txt").write_text("meow")
    with pytest.raises(BadArgument, match="exists already"):
        import_clip(exported, tmp_path / "full")
    with pytest.raises(BadArgument, match="other files"):
        export_clip(clip, tmp_path / "full")
    with pytest.raises(BadArgument, match="is a file"):
        export_clip(clip, tmp_path / "full" / "cat.txt")


def test_a_clip_that_keeps_frames_for_testing_says_so_in_the_transforms(
    clip: Clip, tmp_path: Path
) -> None:
    kept = Clip(folder=clip.folder, info=replace(clip.info, test_frames=5))
    done = export_clip(kept, tmp_path / "me", layout=Layout.TALKINGGAUSSIAN)
    assert (done.train, done.test) == (range(51), range(51, 56))
    assert not (tmp_path / "me" / "sapiens").exists()
    assert import_clip(tmp_path / "me", tmp_path / "back.clip").clip.info.test_frames == 5


def test_one_reader_for_the_originals_hubert(
    folder: Path, observed: None, labelled: None, tmp_path: Path
) -> None:
    """150 rows say their time in frames; a table at another rate is left out."""
    rows = np.repeat(np.arange(2 * FRAMES, dtype=np.float32)[:, None] / 2, 1024, 1)
    np.save(folder / "aud_hu.npy", rows)
    np.save(folder / "aud_ave.npy", np.zeros((FRAMES * 3 // 2, 512), np.float32))
    done = import_clip(folder, tmp_path / "back.clip")
    found = done.clip.features("hubert")
    assert found.shape == (FRAMES, 1024, 16)
    np.testing.assert_array_equal(found[20, 0, 8:10], [20.0, 20.5])
    assert any("aud_ave.npy has 84 frames for 56 pictures" in note for note in done.notes)
    again = export_clip(done.clip, tmp_path / "again").folder
    np.testing.assert_array_equal(np.load(again / "aud_hu.npy").reshape(-1, 1024), rows)
    assert np.load(again / "aud.npy").shape == (FRAMES, 16, 29)


def test_the_longest_part_without_a_gap_is_taken(
    folder: Path, observed: None, labelled: None, clip: Clip, tmp_path: Path
) -> None:
    (folder / "ori_imgs" / "3.jpg").unlink()
    source, notes = scan_folder(folder)
    assert source.ids == range(4, FRAMES)
    assert any("the longest, 4 to 55, was taken" in note for note in notes)


def test_a_table_of_action_units_is_read_before_faces_are_looked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (folder / "au.csv").write_text("nothing")
    monkeypatch.setattr(importing, "find_landmarks", None)
    with pytest.raises(TableMismatch, match=r"au\.csv"):
        import_clip(folder, tmp_path / "back.clip")
