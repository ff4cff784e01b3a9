"""`instag create`."""

from dataclasses import replace

from instag.capture.options import CaptureOptions
from instag.cli import options
from instag.cli.commands.adapt import learn
from instag.cli.commands.prepare import observe
from instag.cli.library_options import TrainingOptions
from instag.cli.terminal import Terminal


def create(
    video: options.Video,
    output: options.NewAvatar,
    capture: CaptureOptions,
    training: TrainingOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
) -> None:
    """Learn a talking head from a video: `prepare`, then `adapt`.

    What was observed is kept beside the avatar (me.avatar: me.clip), so that a run that was stopped
    goes on where it was, and another recipe starts at once.
    """
    options.refuse_existing(output, overwrite)
    from instag.runtime.device import device_named, set_threads

    device_named(training.device)
    folder = output.with_suffix(".clip")
    chosen = replace(capture, speech=training.features)
    clip, took = observe(terminal, video, folder, chosen)
    set_threads(threads)
    extra = {"clip": folder, "prepare_s": round(took, 2), "quality": clip.info.quality}
    learn(terminal, clip, output, training, extra)
