"""Compiled passes over the torso layer: what takes numpy a pass over the picture for each term, in
one. Colours are blended in float32 and rounded to the nearest even number."""

import numpy as np
from numba import njit

F = np.float32


@njit(cache=True, nogil=True)
def _clipped(value):  # pragma: no cover - compiled
    return min(max(value, F(0)), F(1))


@njit(cache=True, nogil=True, error_model="numpy")
def blur_with_depth(
    image, fine, coarse, depth, where, scale, blurred
):  # pragma: no cover - compiled
    """Mix a picture with two blurs of it, by depth in pixels of a picture `scale` x 512 high: with
    `fine` from 0 to 4, then with `coarse` from 4 to 20."""
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            if not where[row, column]:
                for channel in range(3):
                    blurred[row, column, channel] = image[row, column, channel]
                continue
            deep = depth[row, column] / scale
            near, far = _clipped(deep / F(4)), _clipped(deep / F(16) - F(0.25))
            for channel in range(3):
                color = F(image[row, column, channel])
                color = color + near * (F(fine[row, column, channel]) - color)
                color = color + far * (F(coarse[row, column, channel]) - color)
                blurred[row, column, channel] = np.uint8(np.rint(color))


@njit(cache=True, nogil=True)
def fill_between(body, between):  # pragma: no cover - compiled
    """Mark the pixels of each row from its first of the body to its last."""
    height, width = body.shape
    for row in range(height):
        first, end = 0, width
        while first < width and not body[row, first]:
            first += 1
        while end > first and not body[row, end - 1]:
            end -= 1
        between[row, first:end] = True


@njit(cache=True, nogil=True)
def compose(
    colors, neck, under, softened, hair, alpha, person, head, distance, from_head, reach, layer
):  # pragma: no cover - compiled
    """Put the layer together: colours, with the neck's where `under` and the softened frame's where
    `hair`, and alpha; beside the head alpha is the person's within `reach` of the torso, and none
    where the head is nearer. Clear pixels stay 0."""
    height, width = alpha.shape
    for row in range(height):
        for column in range(width):
            opacity = alpha[row, column]
            if not head[row, column]:
                near = distance[row, column] < min(from_head[row, column], reach)
                opacity = person[row, column] if near else np.uint8(0)
            if opacity == 0:
                continue
            layer[row, column, 3] = opacity
            for channel in range(3):
                if hair[row, column]:
                    layer[row, column, channel] = softened[row, column, channel]
                elif under[row, column]:
                    layer[row, column, channel] = neck[row, column, channel]
                else:
                    layer[row, column, channel] = colors[row, column, channel]
