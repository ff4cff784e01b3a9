"""Paint the README's picture of synthetic speakers.

python tools/draw_speaker.py docs/speaker.webp
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from instag.synthetic import Speaker, perform, recording

SIZE, WIDTH = 512, 340
SHOWN = ((0, 66), (1, 140), (2, 99), (3, 70))
"""Seed and frame of each person."""


def main(path: Path) -> None:
    heads = []
    for seed, frame in SHOWN:
        picture = perform(Speaker(seed, size=SIZE), recording(), size=SIZE).picture(frame)
        left = (SIZE - WIDTH) // 2
        heads.append(picture[24:484, left : left + WIDTH])
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(heads), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 88])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
