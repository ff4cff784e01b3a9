"""Compiled passes over class probabilities: what takes numpy a pass for each term, in one.

They compute in float32 in the order of the formulas in their docstrings. Exponentials and
logarithms are left to numpy, which vectorises them.
"""

import numpy as np
from numba import njit

F = np.float32


@njit(cache=True, nogil=True, error_model="numpy")
def skin_terms(colours, skin, likeness, unlike, dark):  # pragma: no cover - compiled
    """Of each pixel's Y, Cr, Cb [h w 3], with d its chroma's distance from the skin's, which
    shrinks in shade and in highlights: likeness = -(d / 5)^2, unlike = min((d / 7)^2, 5), and dark,
    0 to 1, where the pixel is nearly black. skin: its Y, Cr, Cb."""
    height, width = dark.shape
    lightest = F(max(float(skin[0]), 1.0))
    span = F(max(255.0 - float(skin[0]), 1.0))
    red, blue = skin[1] - F(128), skin[2] - F(128)
    for row in range(height):
        for column in range(width):
            luma = F(colours[row, column, 0])
            shade = min(max(luma / lightest, F(0)), F(1))
            gloss = min(max((F(255) - luma) / span, F(0.8)), F(1))
            chroma = shade * gloss
            distance = max(
                abs(F(colours[row, column, 1]) - F(128) - chroma * red),
                abs(F(colours[row, column, 2]) - F(128) - chroma * blue),
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
def add_colours(score, weight, bins, table):  # pragma: no cover - compiled
    """Score += weight x the bin's row of the table."""
    height, width, classes = score.shape
    for row in range(height):
        for column in range(width):
            entry = table[bins[row, column]]
            for label in range(classes):
                score[row, column, label] += weight * entry[label]


@njit(cache=True, nogil=True)
def count_colours(bins, probabilities, near, least, counts):  # pragma: no cover - compiled
    """Add to each row of `counts` [bins classes] the probabilities above `least` of the pixels of
    its bin; those of the first class, the background, only where `near` is not 0."""
    height, width, classes = probabilities.shape
    for row in range(height):
        for column in range(width):
            for label in range(classes):
                value = probabilities[row, column, label]
                if value > least and (label > 0 or near[row, column] > 0):
                    counts[bins[row, column], label] += value


@njit(cache=True, nogil=True)
def add_person_and_skin(score, absent, present, skin):  # pragma: no cover - compiled
    """Add the log probabilities of no person to the first of the classes background, torso, neck,
    face and hair, and those of one to the others; to the neck the log odds of skin, and to the face
    no less than -1 of them."""
    height, width, classes = score.shape
    for row in range(height):
        for column in range(width):
            pixel, odds = score[row, column], skin[row, column]
            pixel[0] += absent[row, column]
            for label in range(1, classes):
                pixel[label] += present[row, column]
            pixel[2] += odds
            pixel[3] += max(odds, F(-1))


@njit(cache=True, nogil=True, error_model="numpy")
def subtract_largest(score):  # pragma: no cover - compiled
    """Subtract each pixel's largest score from all of its scores."""
    height, width, classes = score.shape
    for row in range(height):
        for column in range(width):
            largest = score[row, column, 0]
            for label in range(1, classes):
                largest = max(largest, score[row, column, label])
            for label in range(classes):
                score[row, column, label] -= largest


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
    height, width, count = classes.shape
    for row in range(height):
        for column in range(width):
            best, largest = 0, classes[row, column, 0] * weights[0]
            for label in range(1, count):
                value = classes[row, column, label] * weights[label]
                if value > largest:
                    best, largest = label, value
            labels[row, column] = best


@njit(cache=True, nogil=True)
def apply_oval(score, oval, to_head):  # pragma: no cover - compiled
    """Add the constraints of the face's oval to the scores: face inside it, except hair over the
    forehead; no face below the jaw. The classes are background, torso, neck, face and hair."""
    height, width = oval.shape
    background, torso, neck, face, hair = 0, 1, 2, 3, 4
    for row in range(height):
        for column in range(width):
            down, right = F(row) + F(0.5), F(column) + F(0.5)
            x = to_head[0, 0] * right + to_head[0, 1] * down + to_head[0, 2]
            y = to_head[1, 0] * right + to_head[1, 1] * down + to_head[1, 2]
            aside = abs(x)
            pixel = score[row, column]
            if oval[row, column] > 0:
                if y > 0.7 or (aside > 0.6 and y > 0.3):
                    pixel[face] += F(3)
                else:
                    pixel[hair] -= F(8)
                pixel[background] -= F(8)
                pixel[torso] -= F(8)
                pixel[neck] -= F(8)
                continue
            if y < 0.22:
                pixel[face] -= F(8)
            if y > 0.45:
                pixel[neck] -= F(8)
            if y > 0.55 and aside < 1.7:
                pixel[torso] -= F(8)
            if y > 0.2 and aside < 1.6:
                pixel[torso] -= F(4)
            if aside > 1.25 and y > -0.5:
                pixel[neck] -= F(4)
            if y < 0.2 and aside < 0.6:
                pixel[hair] -= F(4)
