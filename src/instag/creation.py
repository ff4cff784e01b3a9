"""From a video to an avatar in one call: `prepare`, then `adapt`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from instag.capture.options import CaptureOptions
from instag.capture.prepare import prepare
from instag.data.clip import Clip
from instag.errors import Cancelled
from instag.models.avatar import Avatar
from instag.observed import FPS
from instag.runtime.device import device_named
from instag.training.adapt import adapt
from instag.training.adapt_plan import AdaptPlan, beginning, check_views
from instag.training.options import TrainingOptions
from instag.training.trainer import CancelToken, Preview, StageReport, silent_stages

OBSERVE = "observe"
"""The stage that a report is called with while the video is observed."""
TESTED_S = 12.0
"""Of a long video of which a few seconds are taught, so much more is observed, to test on."""


def seconds_used(training: TrainingOptions) -> float | None:
    """How much of a video is learned from and tested on, where the options name a number; None for
    all of it."""
    taught = training.seconds
    if taught is None and training.n_views is not None and training.n_views > 0:
        taught = training.n_views / FPS
    return None if taught is None else taught + TESTED_S


def refuse_choices(training: TrainingOptions) -> None:
    """What no video can mend is told before one is observed. Raises BadArgument, and what opening a
    prior raises."""
    device_named(training.device)
    check_views(training.n_views, training.seconds)
    recipe = "long" if training.long else training.recipe
    beginning(recipe, speech=training.speech, prior=training.prior)


def create(
    video: Path | str,
    output: Path | str,
    *,
    clip: Path | str | None = None,
    capture: CaptureOptions = CaptureOptions(),
    training: TrainingOptions = TrainingOptions(),
    overwrite: bool = False,
    report: StageReport = silent_stages,
    on_clip: Callable[[Clip], None] | None = None,
    on_plan: Callable[[AdaptPlan], None] | None = None,
    preview: Preview | None = None,
    cancel: CancelToken | None = None,
) -> Avatar:
    """Learn a talking head from a video of one person who speaks, and write it to `output`.

    clip: the folder for what is observed, beside the avatar if not given (me.avatar: me.clip); a
    run that was stopped goes on from it, and another recipe starts at once. Of a video of which
    some seconds are taught, only these and TESTED_S more are observed. overwrite: replaces a clip
    of another video, which is refused otherwise. report: called with (stage, done, total). on_clip,
    on_plan: called with the clip, and with what will be learned from, before the head is learned.
    preview: called now and then with (stage, step, picture), see Trainer. cancel: once it is set,
    the work stops and Cancelled is raised; the same call goes on from there. Raises what `prepare`
    and `adapt` raise.
    """
    refuse_choices(training)
    folder = Path(output).with_suffix(".clip") if clip is None else Path(clip)

    def observing(done: int, total: int) -> None:
        report(OBSERVE, done, total)
        if cancel is not None and cancel.is_set():
            raise Cancelled(
                f"Observing {video} was cancelled. Run the same again: it goes on from there."
            )

    chosen = replace(capture, speech=training.features)
    if capture.seconds is None:
        chosen = replace(chosen, seconds=seconds_used(training))
    observed = prepare(video, folder, chosen, overwrite=overwrite, report=observing)
    if on_clip is not None:
        on_clip(observed)
    return adapt(
        observed,
        output,
        report=report,
        on_plan=on_plan,
        preview=preview,
        cancel=cancel,
        **vars(training),
    )
