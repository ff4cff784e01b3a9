"""Connected components of a mask (bool, or 0 and 1), in which neighbours share a side.

They are found from runs, the unbroken stretches of each row: a mask has a few thousand of them at
most, and OpenCV's own search through all pixels takes some ten times as long.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Int, UInt8
from numba import njit

LEFT, TOP, WIDTH, HEIGHT, AREA = range(5)
"""Columns of a table of components."""
EIGHT_ONES = np.uint64(0x0101010101010101)
"""Eight pixels of a mask in one number."""


@final
@dataclass(frozen=True, kw_only=True)
class Components:
    """runs: row, first column, the one after the last, and component, from 1 on in the order in
    which rows show them. table: each component's left, top, width, height and area in pixels; row 0
    is outside the mask, and empty."""

    shape: tuple[int, int]
    runs: Int[np.ndarray, "r 4"]
    table: Int[np.ndarray, "n 5"]

    @classmethod
    def of(cls, mask: Bool[np.ndarray, "h w"] | UInt8[np.ndarray, "h w"]) -> "Components":
        """Those of the pixels that are not 0."""
        pixels = np.ascontiguousarray(mask).view(np.uint8)
        height, width = pixels.shape
        runs = np.empty((height * (width // 2 + 1), 4), np.int32)
        # Rows of another width have no whole words.
        words = pixels.view(np.uint64) if width % 8 == 0 else np.empty((height, 0), np.uint64)
        count = _find_runs(pixels, words, runs)
        runs = runs[:count].copy()
        table = np.zeros((_number(runs) + 1, 5), np.int32)
        _measure(runs, table)
        return cls(shape=(height, width), runs=runs, table=table)

    def where(self, chosen: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, "h w"]:
        """The pixels of the chosen components; `chosen` has the table's rows."""
        found = np.zeros(self.shape, np.bool_)
        if chosen.any():
            _paint(self.runs, chosen, found)
        return found

    def touched(
        self, mask: Bool[np.ndarray, "h w"] | UInt8[np.ndarray, "h w"]
    ) -> Bool[np.ndarray, " n"]:
        """Which components have a pixel in the mask, in the table's rows."""
        touched = np.zeros(len(self.table), np.bool_)
        _touch(self.runs, mask, touched)
        return touched

    def largest(self) -> int:
        """The component with the most pixels, the first of those; 0 where there is none."""
        return 1 + int(self.table[1:, AREA].argmax()) if len(self.table) > 1 else 0


def largest_component(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The component with the most pixels. An empty mask stays empty."""
    found = Components.of(mask)
    chosen = np.arange(len(found.table)) == found.largest()
    chosen[0] = False
    return found.where(chosen)


def small_components(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The components with fewer than `under` pixels."""
    found = Components.of(mask)
    small = found.table[:, AREA] < under
    small[0] = False
    return found.where(small)


def fill_holes(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The mask with each hole of fewer than `under` pixels filled."""
    return mask | small_components(~mask, under)


@njit(cache=True, nogil=True)
def _find_runs(mask, words, runs):  # pragma: no cover - compiled
    """Fill `runs` but for the components; returns how many there are. words: the mask's pixels by
    eights, by which long stretches are passed over, or none."""
    height, width = mask.shape
    by_eights, count = words.shape[1] > 0, 0
    for row in range(height):
        column = 0
        while column < width:
            if by_eights and column % 8 == 0 and words[row, column // 8] == 0:
                column += 8
                continue
            if mask[row, column] == 0:
                column += 1
                continue
            runs[count, 0], runs[count, 1] = row, column
            while column < width and mask[row, column] != 0:
                whole = by_eights and column % 8 == 0 and words[row, column // 8] == EIGHT_ONES
                column += 8 if whole else 1
            runs[count, 2] = column
            count += 1
    return count


@njit(cache=True, nogil=True)
def _root(parents, run):  # pragma: no cover - compiled
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


@njit(cache=True, nogil=True)
def _number(runs):  # pragma: no cover - compiled
    """Give each run its component, by union-find with the runs of the row above; returns how many
    components there are."""
    count = len(runs)
    parents = np.arange(count)
    above = 0
    for run in range(count):
        while above < run and (
            runs[above, 0] < runs[run, 0] - 1
            or (runs[above, 0] < runs[run, 0] and runs[above, 2] <= runs[run, 1])
        ):
            above += 1
        other = above
        while other < run and runs[other, 0] < runs[run, 0] and runs[other, 1] < runs[run, 2]:
            one, two = _root(parents, other), _root(parents, run)
            parents[max(one, two)] = min(one, two)
            other += 1
    components = 0
    for run in range(count):
        root = _root(parents, run)
        if root == run:
            components += 1
            runs[run, 3] = components
        else:
            runs[run, 3] = runs[root, 3]
    return components


@njit(cache=True, nogil=True)
def _measure(runs, table):  # pragma: no cover - compiled
    """Fill a table of zeros."""
    for run in range(len(runs)):
        row, first, end, component = runs[run, 0], runs[run, 1], runs[run, 2], runs[run, 3]
        entry = table[component]
        if entry[AREA] == 0:
            entry[LEFT], entry[TOP], entry[WIDTH] = first, row, end
        # The width holds the right end until all runs were seen.
        entry[LEFT], entry[WIDTH] = min(entry[LEFT], first), max(entry[WIDTH], end)
        entry[HEIGHT] = row + 1 - entry[TOP]
        entry[AREA] += end - first
    for component in range(1, len(table)):
        table[component, WIDTH] -= table[component, LEFT]


@njit(cache=True, nogil=True)
def _paint(runs, chosen, found):  # pragma: no cover - compiled
    for run in range(len(runs)):
        if chosen[runs[run, 3]]:
            found[runs[run, 0], runs[run, 1] : runs[run, 2]] = True


@njit(cache=True, nogil=True)
def _touch(runs, mask, touched):  # pragma: no cover - compiled
    for run in range(len(runs)):
        if not touched[runs[run, 3]]:
            for column in range(runs[run, 1], runs[run, 2]):
                if mask[runs[run, 0], column]:
                    touched[runs[run, 3]] = True
                    break
