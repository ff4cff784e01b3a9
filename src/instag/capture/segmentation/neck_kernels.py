"""Compiled passes over the columns of a neck."""

import numpy as np
from numba import njit

from instag.observed import Region

F = np.float32
TORSO, NECK, FACE = int(Region.TORSO), int(Region.NECK), int(Region.FACE)


@njit(cache=True, nogil=True)
def mark_alike(
    image, usual, usual_light, factors, lights, tint, alike
):  # pragma: no cover - compiled
    """Mark the pixels whose colour, less grey, is nearly `usual` times a factor between two bounds,
    and whose light is `usual_light` times one between two others. tint: how far it may be from
    that, by the length of `usual`."""
    height, width = alike.shape
    size = max((usual * usual).sum(), F(1e-6))
    offset = np.empty(3, np.float32)
    for row in range(height):
        for column in range(width):
            light = F(1)
            for channel in range(3):
                light += F(image[row, column, channel])
            factor = F(0)
            for channel in range(3):
                offset[channel] = F(image[row, column, channel]) / light - F(1 / 3)
                factor += offset[channel] * usual[channel] / size
            rest = F(0)
            for channel in range(3):
                rest += (offset[channel] - factor * usual[channel]) ** 2
            share = light / usual_light
            alike[row, column] = (
                rest < tint * tint * size
                and factors[0] < factor < factors[1]
                and lights[0] < share < lights[1]
            )


@njit(cache=True, nogil=True)
def neck_columns(regions, start, rows):  # pragma: no cover - compiled
    """For each column the lowest row of neck right under some of the head, -1 where there is none,
    and how many rows of neck there are from it on."""
    height, width = regions.shape
    start[:], rows[:] = -1, 0
    for row in range(1, height):
        for column in range(width):
            if regions[row, column] != NECK:
                continue
            if regions[row - 1, column] >= FACE:
                start[column], rows[column] = row, 0
            if start[column] >= 0 and row == start[column] + rows[column]:
                rows[column] += 1


@njit(cache=True, nogil=True)
def join_to_head(regions, most):  # pragma: no cover - compiled
    """Make neck of torso between the head and neck right under it, where that is `most` rows at
    most."""
    height, width = regions.shape
    for column in range(width):
        end = 0
        for row in range(height):
            part = regions[row, column]
            if part == NECK and row - end <= most:
                for between in range(end, row):
                    regions[between, column] = NECK
            if part != TORSO:
                end = row + 1 if part >= FACE else height


@njit(cache=True, nogil=True)
def extend_neck(
    regions, start, hidden, profile, shade, reach, cloth, where, colors
):  # pragma: no cover - compiled
    """Mark the neck's extension under the head and give it its colours.

    hidden: pixels between torso on both sides. profile: the neck's colour in each column; shade:
    its factor for each row upward. reach, cloth: heights in pixels.
    """
    height, width = regions.shape
    seen = np.flatnonzero(start >= 0)
    for column in range(width):
        beside_neck = len(seen) > 0 and seen[0] <= column <= seen[-1]
        end = height
        for row in range(height - 1, -1, -1):
            if regions[row, column] < FACE:
                end = row
                continue
            rows_up = end - row
            if end == height:
                # Where the head reaches the picture's lower end, the neck ends there too, if it is
                # seen to the left and to the right.
                under = beside_neck
            elif regions[end, column] == NECK:
                under = True
            else:
                collar = regions[end, column] == TORSO and regions[end - 1, column] == FACE
                under = collar and rows_up > cloth
            if under and (rows_up <= reach or hidden[row, column]):
                where[row, column] = True
                for channel in range(3):
                    color = np.rint(profile[column, channel] * shade[rows_up])
                    colors[row, column, channel] = np.uint8(min(color, F(255)))
