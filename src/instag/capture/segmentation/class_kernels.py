"""Compiled passes over class probabilities: what takes numpy a pass for each term, in one.

They compute in float32 in the order of the formulas in their docstrings. Exponentials and
logarithms are left to numpy, which vectorises them.
"""

import numpy as np
from numba import njit

F = np.float32
BINS = 32
"""Bins of each of red, green and blue."""
CLASSES = 5


@njit(cache=True, nogil=True, error_model="numpy")
def skin_terms(colors, skin, likeness, unlike, dark):  # pragma: no cover - compiled
    """Of each pixel's Y, Cr, Cb [h w 3], with d its chroma's distance from the skin's, which
    shrinks in shade and in highlights: likeness = -(d / 5)^2, unlike = min((d / 7)^2, 5), and dark,
    0 to 1, where the pixel is nearly black. skin: its Y, Cr, Cb."""
    height, width = dark.shape
    lightest = F(max(float(skin[0]), 1.0))
    span = F(max(255.0 - float(skin[0]), 1.0))
    red, blue = skin[1] - F(128), skin[2] - F(128)
    for row in range(height):
        for column in range(width):
            luma = F(colors[row, column, 0])
            shade = min(max(luma / lightest, F(0)), F(1))
            gloss = min(max((F(255) - luma) / span, F(0.8)), F(1))
            chroma = shade * gloss
            distance = max(
                abs(F(colors[row, column, 1]) - F(128) - chroma * red),
                abs(F(colors[row, column, 2]) - F(128) - chroma * blue),
            )
            near, far = distance / F(5), distance / F(7)
            likeness[row, column] = -(near * near)
            unlike[row, column] = min(far * far, F(5))
            dark[row, column] = min(max((F(0.35) - shade) / F(0.2), F(0)), F(1))


@njit(cache=True, nogil=True, error_model="numpy")
def skin_log_odds(likeness, unlike, dark):  # pragma: no cover - compiled
    """1.5 exp(likeness) (1 - dark) - unlike - 2 dark, into `likeness`, which holds the
    exponentials."""
    height, width = dark.shape
    for row in range(height):
        for column in range(width):
            bare = F(1.5) * likeness[row, column] * (F(1) - dark[row, column])
            likeness[row, column] = bare - unlike[row, column] - F(2) * dark[row, column]


@njit(cache=True, nogil=True, error_model="numpy")
def medians(colors, mask, found):  # pragma: no cover - compiled
    """Write the median of each channel of a picture [h w 3] where a mask is not 0, as numpy has it:
    the mean of the middle two where they are even in number. Some pixel must be in the mask."""
    height, width = mask.shape
    counts, total = np.zeros((3, 256), np.int64), 0
    for row in range(height):
        for column in range(width):
            if mask[row, column] != 0:
                total += 1
                for channel in range(3):
                    counts[channel, colors[row, column, channel]] += 1
    for channel in range(3):
        low, passed = 0, counts[channel, 0]
        while passed <= (total - 1) // 2:
            low += 1
            passed += counts[channel, low]
        high = low
        while passed <= total // 2:
            high += 1
            passed += counts[channel, high]
        found[channel] = 0.5 * (low + high)


@njit(cache=True, nogil=True)
def count_colors(bins, probabilities, near, least, counts):  # pragma: no cover - compiled
    """Add to each row of `counts` [bins classes] the probabilities above `least` of the pixels of
    its bin; those of the first class, the background, only where `near` is not 0."""
    height, width, classes = probabilities.shape
    for row in range(height):
        for column in range(width):
            for label in range(classes):
                value = probabilities[row, column, label]
                if value > least and (label > 0 or near[row, column] > 0):
                    counts[bins[row, column], label] += value


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _within_oval(torso, neck, face, hair, x, y):  # pragma: no cover - compiled
    """Scores in the face's oval: face, except hair over the forehead."""
    if y > 0.7 or (x > 0.6 and y > 0.3):
        face += F(3)
    else:
        hair -= F(8)
    return torso - F(8), neck - F(8), face, hair


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _beside_oval(torso, neck, face, hair, x, y):  # pragma: no cover - compiled
    """Scores elsewhere: no face below the jaw, no neck and torso beside and above it."""
    if y < 0.22:
        face -= F(8)
    if y > 0.45:
        neck -= F(8)
    if y > 0.55 and x < 1.7:
        torso -= F(8)
    if y > 0.2 and x < 1.6:
        torso -= F(4)
    if x > 1.25 and y > -0.5:
        neck -= F(4)
    if y < 0.2 and x < 0.6:
        hair -= F(4)
    return torso, neck, face, hair


@njit(cache=True, nogil=True, error_model="numpy")
def add_evidence(
    score, image, weight, table, absent, present, skin, oval, to_head
):  # pragma: no cover - compiled
    """Add to the score of each class, which are background, torso, neck, face and hair:

    weight x the row of the table [bins 5] that is the colour's; the log probability of no person to
    the background, and of one to the others; to the neck the log odds of skin, and to the face no
    less than -1 of them; the constraints of the face's oval. Then subtract the pixel's largest.
    to_head: pixels to head coordinates. In one pass, and without a view of each pixel: that takes
    longer than all sums."""
    height, width = oval.shape
    for row in range(height):
        for column in range(width):
            red, green, blue = image[row, column, 0], image[row, column, 1], image[row, column, 2]
            entry = ((red >> 3) * BINS + (green >> 3)) * BINS + (blue >> 3)
            there, odds = present[row, column], skin[row, column]
            background = score[row, column, 0] + weight * table[entry, 0] + absent[row, column]
            torso = score[row, column, 1] + weight * table[entry, 1] + there
            neck = score[row, column, 2] + weight * table[entry, 2] + there + odds
            face = score[row, column, 3] + weight * table[entry, 3] + there + max(odds, F(-1))
            hair = score[row, column, 4] + weight * table[entry, 4] + there
            down, right = F(row) + F(0.5), F(column) + F(0.5)
            x = abs(to_head[0, 0] * right + to_head[0, 1] * down + to_head[0, 2])
            y = to_head[1, 0] * right + to_head[1, 1] * down + to_head[1, 2]
            if oval[row, column] > 0:
                background -= F(8)
                torso, neck, face, hair = _within_oval(torso, neck, face, hair, x, y)
            else:
                torso, neck, face, hair = _beside_oval(torso, neck, face, hair, x, y)
            largest = max(background, torso, neck, face, hair)
            score[row, column, 0] = background - largest
            score[row, column, 1] = torso - largest
            score[row, column, 2] = neck - largest
            score[row, column, 3] = face - largest
            score[row, column, 4] = hair - largest


@njit(cache=True, nogil=True, error_model="numpy")
def divide_by_sum(score):  # pragma: no cover - compiled
    """Divide each pixel's values by their sum."""
    height, width, classes = score.shape
    for row in range(height):
        for column in range(width):
            others = score[row, column, 1]
            for label in range(2, classes):
                others += score[row, column, label]
            total = score[row, column, 0] + others
            for label in range(classes):
                score[row, column, label] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def mix_before(now, before, change, history, mixed):  # pragma: no cover - compiled
    """(now + w before) / (1 + w), with w the history's entry for the pixel's change."""
    height, width, classes = now.shape
    for row in range(height):
        for column in range(width):
            weight = history[change[row, column]]
            for label in range(classes):
                both = now[row, column, label] + weight * before[row, column, label]
                mixed[row, column, label] = both / (F(1) + weight)


@njit(cache=True, nogil=True, error_model="numpy")
def mix_both(now, before, after, since, until, history, mixed):  # pragma: no cover - compiled
    """(now + v before + w after) / (1 + v + w), with v and w the history's entries for the changes
    from the frame before and to the one after."""
    height, width, classes = now.shape
    for row in range(height):
        for column in range(width):
            one, other = history[since[row, column]], history[until[row, column]]
            weight = F(1) + one + other
            for label in range(classes):
                total = now[row, column, label] + one * before[row, column, label]
                total += other * after[row, column, label]
                mixed[row, column, label] = total / weight


@njit(cache=True, nogil=True)
def most_likely(classes, weights, labels):  # pragma: no cover - compiled
    """The first of the classes with the largest weighted probability."""
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            best, largest = 0, classes[row, column, 0] * weights[0]
            for label in range(1, CLASSES):  # a constant, so that the loop is unrolled
                value = classes[row, column, label] * weights[label]
                if value > largest:
                    best, largest = label, value
            labels[row, column] = best
