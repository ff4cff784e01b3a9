"""Points of a synthetic face by their place, as MediaPipe numbers them."""

LANDMARKS = 468
"""The first points of the cage."""
EYE_RADIUS = 1.28
"""Of the eyeballs, in centimetres."""

UPPER_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
UPPER_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
LOWER_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
EYE_UPPER = (
    [33, 246, 161, 160, 159, 158, 157, 173, 133],
    [263, 466, 388, 387, 386, 385, 384, 398, 362],
)
EYE_LOWER = (
    [33, 7, 163, 144, 145, 153, 154, 155, 133],
    [263, 249, 390, 373, 374, 380, 381, 382, 362],
)
BROW_INNER, BROW_OUTER = (
    ([107, 55, 66, 65], [336, 285, 296, 295]),
    ([70, 46, 63, 53], [300, 276, 293, 283]),
)
JAWLINE = (
    (149, 378, 0.95),
    (150, 379, 0.82),
    (136, 365, 0.64),
    (172, 397, 0.42),
    (58, 288, 0.22),
)
"""Points of the jaw on either side, and the jaw's weight there."""
