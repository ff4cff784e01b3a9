"""Adaptation: from a Clip to an Avatar, in three stages (docs/method.md#two-acts, #adaptation)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.splits import Split, split
from instag.errors import AssetMissing, BadArgument
from instag.models.avatar import MOST_DRIVE_FRAMES, Avatar, AvatarInfo, encode_torso
from instag.models.gaussians import Gaussians, gaussians_behind, random_gaussians
from instag.models.head import new_head
from instag.models.pose_corrections import PoseCorrections
from instag.models.prior import Prior, load_bundled_prior
from instag.motion.expression_basis import load_expression_basis
from instag.motion.expression_displacement import ExpressionDisplacement, expression_displacement
from instag.motion.landmark_motion import landmark_motion
from instag.ops import lpips
from instag.perception.action_units import action_units
from instag.rendering.registry import renderer_for
from instag.runtime.device import device_name, device_named
from instag.speech import registry
from instag.speech.lips.audio_offset import landmark_curves
from instag.speech.lips.codes import lip_codes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.speaker_adapter import fit_speaker_adapter
from instag.training.initialization import seen_gaussians
from instag.training.recipes import MOUTHS_KNOWN, Recipe, batched, recipe_named
from instag.training.run_dir import Journal
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_fuse import FuseStage
from instag.training.stages.adapt_mouth import MouthStage
from instag.training.stages.stage import Stage
from instag.training.subject import Subject
from instag.training.trainer import run
from instag.types import BLINK, EXPRESSION_UNITS, FPS
from instag.version import __version__

DRIVERS = {"speech": "mel", "motion": LipCodeFrontEnd.name}
"""The front end that a recipe's driver hears with."""
StageReport = Callable[[str, int, int], None]
"""Called with (stage, done, total) while training goes on."""

LIP_LANDMARKS = (61, 291, 0, 17)
"""Corners, top and bottom of the outer lips among MediaPipe's points."""
ROUNDED = 0.01
"""By so much units that are read from a clip differ from the same before they were written."""
SMALLEST_EXTENT, LARGEST_EXTENT = 0.1, 0.3


def silent_stages(stage: str, done: int, total: int) -> None:
    """The report that shows nothing."""


def adapt(
    clip: Clip | Path | str,
    output: Path | str | None = None,
    *,
    recipe: str | Recipe = "few",
    n_views: int | None = None,
    seconds: float | None = None,
    long: bool = False,
    all_for_train: bool = False,
    seed: int = 0,
    speech: str | None = None,
    prior: Prior | Path | str | None = None,
    device: str = "auto",
    batch: int | None = None,
    report: StageReport = silent_stages,
) -> Avatar:
    """Learn a head from a Clip and write it to `output` where one is given.

    n_views or seconds: how much of the clip's start to learn from (25 views a second, -1: all but
    the test frames; the recipe's number where neither is given). long: the recipe for a minute or
    more. all_for_train: keep nothing for testing. speech: the front end that the head will hear
    with, as in speech.front_ends.create; None for what the recipe's driver, or the prior, hears
    with. prior: what several people taught, which the fields begin with, its file, or "bundled" for
    the one that comes with instag, of which a head that hears motion codes begins with the mouth
    where nothing is given. device: as in compute.device_named. batch: frames a step, None for what
    suits recipe and device. A killed run goes on from its checkpoint in the clip's folder. Raises
    BadArgument, TooShort, TrainingFailed and what Clip and clip_features raise.
    """
    clip = clip if isinstance(clip, Clip) else Clip.open(clip)
    where = device_named(device)
    given = Prior.open(prior) if isinstance(prior, Path | str) else prior
    plan = (
        recipe
        if isinstance(recipe, Recipe)
        else plan_named("long" if long else recipe, speech=speech, prior=given)
    )
    known = load_bundled_prior() if given is None and plan.known == "mouth" else given
    speech = speech or (known.info.front_end if known is not None else DRIVERS[plan.driver])
    if known is not None:
        check_hearing(known, speech)
    plan = batched(plan, batch or (plan.gpu_batch if where.type == "cuda" else 1))
    chosen = split(
        len(clip),
        n_views=views_wanted(plan, n_views, seconds),
        all_for_train=all_for_train,
        kept=clip.info.test_frames,
    )
    identity = {
        "recipe": repr(plan),
        "train": [chosen.train.start, chosen.train.stop],
        "seed": seed,
        "source": clip.info.source_sha256,
        "speech": speech,
        "prior": known.digest() if known is not None else None,
        "format": 2,
    }
    name = Path(output).stem if output is not None else plan.name
    journal = Journal(clip.folder / "training" / name, identity)
    subject = subject_of(clip, plan, chosen, seed, where, speech=speech, prior=known)
    seconds_spent = train_stages(subject, plan, journal, report)
    about = {
        "seed": seed,
        "seconds": seconds_spent,
        "test": [chosen.test.start, chosen.test.stop],
        "lpips": subject.lpips is not None,
        "batch": plan.face.batch,
        "device": device_name(where),
        "prior": described(known, plan) if known is not None else None,
    }
    avatar = gather(subject, plan, about)
    if output is not None:
        avatar.save(Path(output))
    journal.finish()
    return avatar


def subject_of(
    clip: Clip,
    plan: Recipe,
    chosen: Split,
    seed: int,
    device: torch.device,
    *,
    speech: str = "mel",
    prior: Prior | None = None,
) -> Subject:
    """A head as it starts, and the frames that it will learn from, on a device. Raises BadArgument
    where the prior hears other speech than the clip has."""
    codes = voice = None
    if registry.kind_of(speech) == "lip_codes":
        track, hearing = clip.track(), LipCodeFrontEnd()
        codes = lip_codes(
            landmark_motion(track, (clip.info.width, clip.info.height)), hearing.model
        )
        voice = fit_speaker_adapter(
            torch.from_numpy(clip.speech()),
            codes,
            chosen.train,
            curves=landmark_curves(track.landmarks),
            hearing=hearing,
        )
    seen = None if codes is None else codes.code[..., None]
    store = ClipDataset(clip, size=plan.size, front_end=speech, device=device, heard=seen)
    generator = torch.Generator().manual_seed(seed)
    head = new_head(
        face=face_start(store, plan, chosen.train, generator),
        mouth=mouth_start(store, plan, generator),
        conditioning=store.conditioning,
        units=store.expression_units,
        seed=seed,
    ).to(device)
    head.set_speech_level(store.features[chosen.train.start : chosen.train.stop])
    seen_expressions = store.expression[chosen.train.start : chosen.train.stop]
    expressions = expressions_of(store, seen_expressions) if plan.face.expressions else None
    head.set_expression_range(known_expressions(seen_expressions, expressions))
    prior = prior.to(device) if prior is not None else None
    mouth_alone = plan.known == "mouth"
    if prior is not None:
        if prior.conditioning != store.conditioning:
            raise BadArgument(
                f"The prior hears {prior.conditioning.channels} channels of "
                f"{prior.info.front_end!r}, and {clip.folder} has {store.conditioning.channels}. "
                "They are not of the same front end: delete the clip's features, or use another "
                "prior."
            )
        begin = prior.begin_mouth if mouth_alone else prior.begin
        begin(head)
    weights = lpips.find_weights()
    return Subject(
        head=head,
        poses=PoseCorrections(len(chosen.train)).to(device),
        store=store,
        train=chosen.train,
        renderer=renderer_for(device),
        extent=extent(store, chosen.train),
        lpips=lpips.load(weights).to(device) if weights else None,
        seed=seed,
        codes=None if codes is None else codes.to(device),
        voice=voice,
        prior=None if mouth_alone else prior,
        expressions=expressions,
    )


def expressions_of(store: ClipDataset, seen: Float[Tensor, "f 6"]) -> ExpressionDisplacement | None:
    """Where the person's skin goes in expressions that were not seen. None where eyes were seen to
    close, as pictures tell better than people's mean, or where the clip's units are not measured in
    metres, as OpenFace's are not."""
    flow = expression_displacement(load_expression_basis(), store.landmark_motion.points, seen)
    if float(flow.strongest[EXPRESSION_UNITS.index(BLINK)]) == 0:
        return None
    clip, here = (
        store.clip,
        action_units(store.clip.track(), store.clip.info.width, store.clip.info.height),
    )
    kept = clip.action_units()
    if any(
        name not in kept or np.abs(kept[name] - here[name]).max() > ROUNDED
        for name in EXPRESSION_UNITS
    ):
        return None
    return flow


def known_expressions(
    seen: Float[Tensor, "f 6"], taught: ExpressionDisplacement | None
) -> Float[Tensor, "g 6"]:
    """The expressions that were seen, with the weakest and the strongest that are made up in
    lessons."""
    return (
        seen
        if taught is None
        else torch.cat([seen, torch.zeros_like(seen[:1]), taught.strongest[None]])
    )


def train_stages(
    subject: Subject, plan: Recipe, journal: Journal, report: StageReport
) -> dict[str, float]:
    """Run face, mouth and fuse, or what of them a checkpoint leaves to do. Returns the seconds that
    each took."""
    makers: dict[str, Callable[[], Stage]] = {
        "face": lambda: FaceStage(subject, plan.face),
        "mouth": lambda: MouthStage(subject, plan.mouth),
        "fuse": lambda: FuseStage(subject, plan.fuse),
    }
    spent = {}
    names = list(makers)
    for name in names[names.index(journal.stage) if journal.stage in makers else 0 :]:
        began = time.perf_counter()
        journal.restore(name, subject)
        run(makers[name](), journal, lambda done, total, name=name: report(name, done, total))
        spent[name] = round(time.perf_counter() - began, 1)
    return spent


def face_start(
    store: ClipDataset, plan: Recipe, train: range, generator: torch.Generator
) -> Gaussians:
    """The face's first Gaussians, as the recipe starts them."""
    if plan.start == "random":
        return random_gaussians(plan.face_splats, plan.face.degree, generator)
    return seen_gaussians(store, train, plan.face_splats, plan.face.degree, generator)


def mouth_start(store: ClipDataset, plan: Recipe, generator: torch.Generator) -> Gaussians:
    """The mouth's first Gaussians, as the recipe starts them."""
    if plan.start == "random":
        return random_gaussians(plan.mouth_splats, plan.mouth.degree, generator, mouth=True)
    return gaussians_behind(
        store.identity[list(LIP_LANDMARKS)], plan.mouth_splats, plan.mouth.degree, generator
    )


def plan_named(name: str, *, speech: str | None, prior: Prior | None) -> Recipe:
    """The recipe of this name for what is known of other people: all that a given prior tells, or
    of the bundled one the inside of the mouth, which gains by it where a fresh face loses nothing.
    Raises BadArgument."""
    afresh = recipe_named(name)
    if prior is not None:
        return recipe_named(name, known="all")
    hears_motion = registry.kind_of(speech or DRIVERS[afresh.driver]) == "lip_codes"
    return recipe_named(name, known="mouth") if name in MOUTHS_KNOWN and hears_motion else afresh


def described(prior: Prior, plan: Recipe) -> str:
    """What an avatar says of the prior that it began with."""
    whole = f"{prior.info.made_by}, {prior.info.people} people, {prior.digest()[:16]}"
    return f"{whole}: the mouth alone" if plan.known == "mouth" else whole


def check_hearing(prior: Prior, speech: str) -> None:
    """Raises BadArgument where a head that hears with `speech` can not begin with the prior."""
    heard = prior.info.front_end
    if heard != speech:
        raise BadArgument(
            f"The prior hears with {heard!r}, and the head is to hear with {speech!r}. Leave out "
            "--speech, or use a prior for it."
        )
    try:
        now = registry.identity(speech)
    except AssetMissing:  # features that were put into the clip by hand
        return
    if prior.info.hears not in ("", now):
        raise BadArgument(
            f"The prior learned from {prior.info.hears!r}, and the front end here is {now!r}. "
            "Pre-train again, or use another prior."
        )


def views_wanted(plan: Recipe, n_views: int | None, seconds: float | None) -> int | None:
    """Frames to learn from, from whichever way the user says it. Raises BadArgument where both are
    said."""
    if n_views is not None and seconds is not None:
        raise BadArgument("Give either --n-views or --seconds, not both: they say the same thing.")
    if seconds is not None:
        n_views = round(seconds * FPS)
    if n_views is None:
        return plan.n_views
    return None if n_views == -1 else n_views


def extent(store: ClipDataset, train: range) -> float:
    """1.1 x the largest distance of a camera from the mean camera, metres; kept within what a
    person who sits still or turns far would give."""
    views = store.viewmats[train.start : train.stop]
    centres = -(views[:, :3, :3].mT @ views[:, :3, 3:])[..., 0]
    largest = float((centres - centres.mean(0)).norm(dim=1).max())
    return min(max(1.1 * largest, SMALLEST_EXTENT), LARGEST_EXTENT)


def gather(subject: Subject, plan: Recipe, training: dict[str, object]) -> Avatar:
    """The Avatar of a trained head, with the (corrected) poses, expressions and torso of the first
    frames that it learned from; on the CPU."""
    store, head = subject.store, subject.head
    frames = subject.frames[:MOST_DRIVE_FRAMES]
    with torch.no_grad():
        camera = subject.poses(
            store.camera(frames), torch.arange(len(frames), device=subject.device)
        )
    info = AvatarInfo(
        made_by=f"instag {__version__}",
        source=store.clip.info.source,
        recipe=plan.name,
        front_end=store.front_end,
        conditioning=store.conditioning,
        expression_units=store.expression_units,
        size=store.size,
        focal=store.focal,
        fps=FPS,
        degree=plan.face.degree,
        frames=len(frames),
        splats={"face": len(head.face.gaussians), "mouth": len(head.mouth.gaussians)},
        training=training,
    )
    with ThreadPoolExecutor(torch.get_num_threads()) as encoders:
        torso_files = list(
            encoders.map(lambda index: encode_torso(store.torso(index)), frames.tolist())
        )
    return Avatar(
        info=info,
        head=head.requires_grad_(False).eval().cpu(),
        viewmats=camera.viewmats.cpu(),
        expression=store.expression[frames].cpu(),
        torso_files=torso_files,
        backdrop=store.backdrop,
        speaker_adapter=None if subject.voice is None else subject.voice.state(),
    )
