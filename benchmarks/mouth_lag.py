"""How late a shown mouth is: the darkness of its box in pictures, correlated with that in the
frames that `speak` paints for the whole sound. An open mouth need not be darker: some people's
teeth show."""

import numpy as np
import torch

from instag.models.avatar import Avatar
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.types import FPS, SAMPLE_RATE

WINDOW = np.hanning(2 * FPS + 1)


def lag_s(heard: np.ndarray, sent: np.ndarray, rate: float, most_s: float = 1.0) -> float:
    """By how much `heard` is later than `sent`, by the best correlation of the two."""
    count = min(len(heard), len(sent))
    heard, sent = heard[:count] - heard[:count].mean(), sent[:count] - sent[:count].mean()
    size = 1 << (2 * count - 1).bit_length()
    found = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)
    return float(np.argmax(found[: round(most_s * rate)])) / rate


def mouth_box(avatar: Avatar, size: int) -> tuple[slice, slice]:
    """Where the mouth is in most frames."""
    camera = avatar.camera(avatar.viewmats)
    means = avatar.head.mouth.gaussians.means.detach()
    seen = torch.einsum("fij,nj->fni", camera.viewmats[:, :3, :3], means)
    seen = seen + camera.viewmats[:, None, :3, 3]
    pixels = torch.einsum("ij,fnj->fni", camera.Ks[0], seen)
    pixels = (pixels[..., :2] / pixels[..., 2:]).flatten(0, 1) * size / avatar.info.size
    low, high = (torch.quantile(pixels[::17], share, dim=0) for share in (0.1, 0.9))
    (left, top), (right, bottom) = low.int().tolist(), high.int().tolist()
    return slice(top, bottom), slice(left, right)


def mouth_lag_s(
    avatar: Avatar, pictures: list[tuple[float, np.ndarray]], sound: np.ndarray
) -> tuple[float, float]:
    """By how much the shown mouth is later than a sound, and how well the two agree then. pictures:
    grey, with the times at which they came, seconds since the sound began."""
    rows, columns = mouth_box(avatar, len(pictures[0][1]))
    times = np.array([at for at, _ in pictures])
    dark = np.array([-float(picture[rows, columns].mean()) for _, picture in pictures])
    return dark_lag_s(avatar, times, dark, sound)


def dark_lag_s(
    avatar: Avatar, times: np.ndarray, dark: np.ndarray, sound: np.ndarray
) -> tuple[float, float]:
    """The same, from how dark the mouth is in each picture."""
    assert len(dark) > len(WINDOW), "there are too few pictures"
    fine = np.arange(0, len(sound) / SAMPLE_RATE + 1, 1e-3)
    # A picture is shown until the next one; a painted frame is that of its middle.
    place = np.searchsorted(times, fine, "right") - 1
    shown = np.where(place >= 0, quick(dark)[place.clip(0)], 0.0)
    painted = quick(painted_darkness(avatar, sound))
    wanted = np.interp(fine, (np.arange(len(painted)) + 0.5) / FPS, painted)
    # Held for 40 ms, a picture is on average 20 ms old.
    late = lag_s(shown, wanted, 1e3) - 0.5 / FPS
    count = round(late * 1e3) + 20
    return late, float(np.corrcoef(shown[count:], wanted[: len(wanted) - count])[0, 1])


def quick(dark: np.ndarray) -> np.ndarray:
    """What changes within two seconds: the head moves too, but slower than lips."""
    return dark - np.convolve(dark, WINDOW, "same") / np.convolve(
        np.ones_like(dark), WINDOW, "same"
    )


def painted_darkness(avatar: Avatar, sound: np.ndarray) -> np.ndarray:
    """Of the mouth's box in each frame that `speak` paints."""
    rows, columns = mouth_box(avatar, avatar.info.size)
    spoken = frames(avatar, torch.from_numpy(sound), SpeakOptions())
    return np.array([-float(frame[rows, columns].mean()) for frame in spoken])
