"""Let an avatar say what a sound file holds, once with its own motion and once held still.

python examples/01_speak.py me.avatar speech.wav me
"""

import sys
from pathlib import Path

import instag


def main(avatar: str, sound: str, output: str) -> list[Path]:
    """Writes OUTPUT.mp4 and OUTPUT-still.mp4, each with the sound in it."""
    opened = instag.Avatar.open(avatar)  # opened once, used twice
    made = [
        instag.speak(opened, sound, f"{output}.mp4"),
        instag.speak(opened, sound, f"{output}-still.mp4", pose="still", expression="still"),
    ]
    for path in made:
        print(path)
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
