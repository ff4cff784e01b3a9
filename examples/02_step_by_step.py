"""The steps of `create` one by one, and what lies between them: a clip, then an avatar.

python examples/02_step_by_step.py me.mp4 me.clip me.avatar
"""

import sys

import instag


def main(video: str, folder: str, output: str, *, recipe: str = "draft", size: int = 256) -> None:
    """Prints what is known after each step."""
    try:
        clip = instag.prepare(video, folder, instag.CaptureOptions(size=size))
    except instag.NoFace as error:  # each error is a sentence that says what to do next
        sys.exit(str(error))
    print(f"{len(clip)} frames of {clip.info.width} x {clip.info.height} pixels")
    print(f"stages: {', '.join(clip.info.stages)}")
    track = clip.track()
    print(f"the head moves {track.translations.std(0).mean() * 1000:.1f} mm, on average")

    avatar = instag.adapt(clip, output, recipe=recipe, seed=1)
    seconds = avatar.info.training["seconds"]
    print(f"{output}: {avatar.info.splats} Gaussians, seconds of each stage: {seconds}")


if __name__ == "__main__":
    main(*sys.argv[1:])
