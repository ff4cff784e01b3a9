"""16-bit sound."""

import numpy as np

from instag.media.pcm import floats, pcm16
from instag.media.pcm_resampler import PcmResampler, mono_frame
from instag.media.reader import read_sound
from instag.media.wav import wav_writer, write_wav


def test_loud_samples_are_clipped():
    assert pcm16(np.array([2, -2, 0], np.float32)).tolist() == [32767, -32767, 0]


def test_samples_come_back():
    samples = np.random.default_rng(0).uniform(-1, 1, (1_000, 2)).astype(np.float32)
    np.testing.assert_allclose(floats(pcm16(samples)), samples, atol=1 / 16_000)


def test_pieces_are_resampled_like_the_whole():
    samples = (np.sin(np.arange(48_000) / 20) * 9_000).astype(np.int16)
    whole, pieces = PcmResampler(16_000), PcmResampler(16_000)
    expected = [whole(mono_frame(samples, 48_000)), whole(None)]
    found = [pieces(mono_frame(samples[at : at + 700], 48_000)) for at in range(0, 48_000, 700)]
    np.testing.assert_array_equal(np.concatenate([*found, pieces(None)]), np.concatenate(expected))
    assert len(np.concatenate(expected)) == 16_000


def test_wav_files(tmp_path):
    samples = np.arange(-500, 500, dtype=np.int16)
    write_wav(tmp_path / "a.wav", samples)
    with wav_writer(tmp_path / "b.wav") as file:
        file.writeframes(samples[:300].tobytes())
        file.writeframes(samples[300:].tobytes())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", rate=16_000), floats(samples))
