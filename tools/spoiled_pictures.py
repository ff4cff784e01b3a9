"""Pairs of a picture and what a head's rendering may make of it, from frames of people: blurred,
moved, smeared, blended, of too few splats, or of false colours."""

import math
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy.random import Generator

T = TypeVar("T")
Picture = Float[np.ndarray, "h w 3"]
MARGIN = 8
"""Pixels around a patch that are spoiled with it, so that its rim is as the rest."""
SIDES = (256, 560)
"""Shorter side of the frames that patches are cut from: those that heads are learned at."""
LARGEST_ENLARGEMENT = 1.15
FLAT, FLAT_KEPT = 0.03, 0.1
"""Standard deviation below which a patch shows hardly anything, and the share of such that stay."""


def pairs(
    people: Sequence[Sequence[UInt8[np.ndarray, "h w 3"]]], size: int, count: int, seed: int
) -> tuple[Float[np.ndarray, "n size size 3"], Float[np.ndarray, "n size size 3"]]:
    """Spoiled patches, and the true ones. people: frames of each."""
    rng = np.random.default_rng([seed, size])
    spoiled, true = zip(*(pair(people, size, rng) for _ in range(count)), strict=True)
    return np.stack(spoiled), np.stack(true)


def pair(
    people: Sequence[Sequence[UInt8[np.ndarray, "h w 3"]]], size: int, rng: Generator
) -> tuple[Picture, Picture]:
    true, other = _patch(people, size + 2 * MARGIN, rng)
    spoiled = spoil(true, other, rng)
    if rng.random() < 0.35:
        spoiled, true = _on_a_screen(spoiled, true, rng)
    inner = slice(MARGIN, -MARGIN)
    return spoiled[inner, inner].clip(0, 1), true[inner, inner].clip(0, 1)


def spoil(true: Picture, other: Picture, rng: Generator) -> Picture:
    """One to three faults, in all of the patch or a part of it, fully or weakly. other: the same
    place at another time."""
    found = other if rng.random() < 0.15 else true
    many = rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2])
    for chosen in rng.choice(len(FAULTS), many, p=LIKELY, replace=False):
        changed = FAULTS[chosen](found, rng)
        if rng.random() < 0.4:
            part = _ellipse(len(found), rng, rng.uniform(0.05, 0.5))
            changed = found * (1 - part) + changed * part
        found = changed
    return true + (found - true) * (rng.uniform(0.2, 0.9) if rng.random() < 0.35 else 1.0)


def _patch(
    people: Sequence[Sequence[UInt8[np.ndarray, "h w 3"]]], size: int, rng: Generator
) -> tuple[Picture, Picture]:
    """The same square of two frames of one person."""
    while True:
        frames = _one_of(people, rng)
        now, then = _one_of(frames, rng), _one_of(frames, rng)
        shorter = min(now.shape[:2])
        side = max(size, min(rng.uniform(*SIDES), LARGEST_ENLARGEMENT * max(shorter, 200)))
        height, width = (math.ceil(length * side / shorter) for length in now.shape[:2])
        top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
        how = cv2.INTER_AREA if side < shorter else cv2.INTER_CUBIC
        one, other = (
            cv2.resize(frame, (width, height), interpolation=how)[
                top : top + size, left : left + size
            ].astype(np.float32)
            / 255
            for frame in (now, then)
        )
        if one.std() > FLAT or rng.random() < FLAT_KEPT:
            return one, other


def _one_of(choices: Sequence[T], rng: Generator) -> T:
    return choices[int(rng.integers(len(choices)))]


def _on_a_screen(spoiled: Picture, true: Picture, rng: Generator) -> tuple[Picture, Picture]:
    """Both with one colour outside or inside of an ellipse, as training paints over what a stage
    must not learn; at times the outlines differ."""
    color = rng.random(3, dtype=np.float32)
    shown = _ellipse(len(true), rng, _log_uniform(rng, 0.01, 0.1))
    if rng.random() < 0.5:
        shown = 1 - shown
    rendered = shown
    if rng.random() < 0.5:
        fault = moved if rng.random() < 0.6 else noisy
        rendered = fault(shown.repeat(3, axis=2), rng).clip(0, 1)
    return spoiled * rendered + color * (1 - rendered), true * shown + color * (1 - shown)


def blurred(picture: Picture, rng: Generator) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), _log_uniform(rng, 0.4, 3))


def moved(picture: Picture, rng: Generator) -> Picture:
    """By up to 4 pixels, a little turned and scaled."""
    size = len(picture)
    way, far = rng.uniform(0, 2 * math.pi), _log_uniform(rng, 0.3, 4)
    matrix = cv2.getRotationMatrix2D(
        (size / 2, size / 2), math.degrees(rng.normal(0, 0.01)), 1 + rng.normal(0, 0.01)
    )
    matrix[:, 2] += (far * math.cos(way), far * math.sin(way))
    return cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REFLECT)


def bent(picture: Picture, rng: Generator) -> Picture:
    """Moved differently at different places."""
    size = len(picture)
    knots = rng.integers(2, 7)
    shift = rng.normal(0, _log_uniform(rng, 0.4, 3), (knots, knots, 2)).astype(np.float32)
    shift = cv2.resize(shift, (size, size), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    return cv2.remap(
        picture,
        columns + shift[..., 0],
        rows + shift[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def simplified(picture: Picture, rng: Generator) -> Picture:
    """Without grain, or without what is fine."""
    if rng.random() < 0.5:
        return cv2.bilateralFilter(
            picture, 5, _log_uniform(rng, 0.03, 0.3), _log_uniform(rng, 1.5, 4)
        )
    size = len(picture)
    fewer = int(size / _log_uniform(rng, 1.3, 5))
    small = cv2.resize(picture, (fewer, fewer), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)


def tinted(picture: Picture, rng: Generator) -> Picture:
    strength = _log_uniform(rng, 0.01, 0.15)
    gain, offset = 1 + rng.normal(0, strength, 3), rng.normal(0, strength / 2, 3)
    return picture * gain.astype(np.float32) + offset.astype(np.float32)


def noisy(picture: Picture, rng: Generator) -> Picture:
    """Grain, or clouds."""
    size, channels = len(picture), int(rng.choice([1, 3]))
    knots = size if rng.random() < 0.5 else rng.integers(6, size)
    noise = rng.normal(0, _log_uniform(rng, 0.005, 0.08), (knots, knots, channels))
    noise = cv2.resize(noise.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    return picture + noise.reshape(size, size, channels)


def smeared(picture: Picture, rng: Generator) -> Picture:
    """Along one direction."""
    length = int(rng.integers(3, 14))
    kernel = np.zeros((length, length), np.float32)
    way, middle = rng.uniform(0, math.pi), (length - 1) / 2
    reach = middle * np.array([math.cos(way), math.sin(way)])
    start, end = (np.rint(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def specked(picture: Picture, rng: Generator) -> Picture:
    """Single splats of colours a little or quite wrong before it."""
    size = len(picture)
    found = picture.copy()
    for splat, (row, column) in zip(
        *_gaussians(size, rng, int(rng.integers(1, 20)), (0.7, 6)), strict=True
    ):
        color = picture[int(row), int(column)] + rng.normal(0, _log_uniform(rng, 0.02, 0.3), 3)
        if rng.random() < 0.15:
            color = rng.random(3)
        opacity = (splat * rng.uniform(0.2, 1))[..., None]
        found = found * (1 - opacity) + opacity * color.astype(np.float32)
    return found


def splatted(picture: Picture, rng: Generator) -> Picture:
    """Made of few splats, each with the mean colour of its place."""
    size = len(picture)
    count = int(_log_uniform(rng, 50, 180) * (size / 80) ** 2)
    between = size / math.sqrt(count)
    splats = _gaussians(size, rng, count, (0.4 * between, 1.3 * between))[0].reshape(count, -1)
    colors = splats @ picture.reshape(-1, 3) / (splats.sum(1, keepdims=True) + 1e-6)
    weights = splats ** rng.uniform(1, 2.5)
    mixed = weights.T @ colors / (weights.sum(0)[:, None] + 1e-6)
    return mixed.reshape(picture.shape).astype(np.float32)


FAULTS = (blurred, moved, bent, simplified, tinted, noisy, smeared, specked, splatted)
LIKELY = np.array([1.2, 1.5, 1.2, 1.2, 0.8, 0.8, 0.7, 1.2, 1.6]) / 10.2


def _log_uniform(rng: Generator, least: float, most: float) -> float:
    return math.exp(rng.uniform(math.log(least), math.log(most)))


def _ellipse(size: int, rng: Generator, softness: float) -> Float[np.ndarray, "h w 1"]:
    """1 inside, 0 outside."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    (x, y), (long, short) = rng.uniform(0, size, 2), rng.uniform(0.1, 0.6, 2) * size
    distance = np.hypot(*_turned(columns - x, rows - y, rng.uniform(0, math.pi), long, short))
    inside = 1 / (1 + np.exp(((distance - 1) / softness).clip(-30, 30)))
    return inside[..., None].astype(np.float32)


def _gaussians(
    size: int, rng: Generator, count: int, widths: tuple[float, float]
) -> tuple[Float[np.ndarray, "n h w"], Float[np.ndarray, "n 2"]]:
    """Elliptic bells and their centres, row and column."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    centers = rng.uniform(0, size, (count, 2)).astype(np.float32)
    thin, thick = np.log(widths)
    wide = np.exp(rng.uniform(thin, thick, (count, 1, 1))).astype(np.float32)
    narrow = wide * np.exp(rng.uniform(-1.5, 0, (count, 1, 1))).astype(np.float32)
    turn = rng.uniform(0, math.pi, (count, 1, 1)).astype(np.float32)
    y, x = (centers[:, axis, None, None] for axis in (0, 1))
    along, across = _turned(columns - x, rows - y, turn, wide, narrow)
    return np.exp(-0.5 * (along**2 + across**2)), centers


def _turned(x, y, angle, long, short):
    """Offsets along the axes of ellipses, in their lengths."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return (x * cosine + y * sine) / long, (y * cosine - x * sine) / short
