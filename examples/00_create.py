"""Learn a talking head from a video of one person who speaks.

python examples/00_create.py me.mp4 me.avatar
"""

import sys

import instag


def main(video: str, output: str, *, recipe: str = "few", size: int = 512) -> instag.Avatar:
    """What was observed is kept in me.clip: another recipe starts at once."""
    capture = instag.CaptureOptions(size=size)
    training = instag.TrainingOptions(recipe=recipe)  # type: ignore[arg-type]
    avatar = instag.create(video, output, capture=capture, training=training, report=show)
    print(f"\n{output}: {avatar.info.splats} Gaussians, recipe {avatar.info.recipe}")
    return avatar


def show(stage: str, done: int, total: int) -> None:
    """Long work reports what it does: print it, draw a bar, or leave it out."""
    print(f"\r{stage}: {done} of {total}   ", end="", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
