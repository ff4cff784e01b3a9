"""Draw the README's moving picture from the demo's result: python tools/draw_speaker.py
instag-demo/spoken.mp4 docs/speaker.webp"""

import argparse
from itertools import islice
from pathlib import Path

from PIL import Image

from instag.media.reader import read_frames
from instag.types import FPS

FIRST, FRAMES, STEP = 10, 100, 2
"""The part that is shown: frames of the video."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("picture", type=Path)
    chosen = parser.parse_args()
    shown = [
        Image.fromarray(frame)
        for frame in islice(read_frames(chosen.video), FIRST, FIRST + FRAMES, STEP)
    ]
    shown[0].save(
        chosen.picture,
        save_all=True,
        append_images=shown[1:],
        duration=1000 * STEP // FPS,
        loop=0,
        quality=60,
        method=6,
    )


if __name__ == "__main__":
    main()
