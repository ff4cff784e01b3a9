"""The landmark batches of one head: what labels them depends on what drives the head and on what is
known of other people."""

from jaxtyping import Float
from torch import Tensor

from instag.models.prior import Prior
from instag.training.adapt_inputs import AdaptInputs
from instag.training.stages.adapt_face import FaceStageConfig
from instag.training.stages.adapt_stage import HeadTraining
from instag.training.supervision.expressions import ExpressionLabeler
from instag.training.supervision.landmarks import LandmarkSampler, frame_cdf
from instag.training.supervision.prior_teacher import fit_prior_map
from instag.training.supervision.pseudo_labels import (
    LipCodePseudoLabeler,
    PseudoLabeler,
    SpeechPseudoLabeler,
    spoken_codes,
)
from instag.training.supervision.ridge_teacher import fit_speech_map
from instag.types import BLINK


def landmark_sampler(
    training: HeadTraining, inputs: AdaptInputs, config: FaceStageConfig, prior: Prior | None
) -> LandmarkSampler | None:
    """None where the recipe does not weigh landmarks: then nothing is fitted. prior: what both
    fields began with, on the device."""
    if not config.landmarks.weight:
        return None
    person, expressions = training.person, inputs.expressions
    frames = config.landmark_frames * config.batch
    speech = person.dataset.condition(person.frames).speech
    labeler = pseudo_labeler(training, inputs, prior, speech)
    return LandmarkSampler(
        person=person,
        speech=speech,
        cdf=frame_cdf(
            person.dataset.unit(BLINK)[inputs.split.train.start : inputs.split.train.stop]
        ),
        labeler=labeler,
        expressions=None if expressions is None else ExpressionLabeler(flow=expressions.flow),
        frames=frames,
        points=config.landmark_points,
        acted=0 if expressions is None else round(frames * config.expressions),
    )


def pseudo_labeler(
    training: HeadTraining,
    inputs: AdaptInputs,
    prior: Prior | None,
    speech: Float[Tensor, "f 8 channels steps"],
) -> PseudoLabeler:
    """From lip codes, else from a prior, else from a ridge regression on the person's speech."""
    person, landmarks, train = training.person, inputs.landmarks, inputs.split.train
    if inputs.lips is not None:
        codes = inputs.lips.codes
        spoken = spoken_codes(inputs.lips.waveform, inputs.lips.adapter)
        return LipCodePseudoLabeler(
            motion=landmarks,
            codes=codes,
            spread=codes.code[train.start : train.stop].std(0),
            spoken=spoken.to(person.device),
        )
    assert inputs.silence is not None, "inputs have a silent window where landmarks are weighed"
    if prior is not None:
        speech_map = fit_prior_map(prior.face, speech, landmarks, train, inputs.seen_expressions)
    else:
        level = training.head.face.field.speech.level
        speech_map = fit_speech_map(speech, landmarks, train, level=level, silence=inputs.silence)
    return SpeechPseudoLabeler(motion=landmarks, speech_map=speech_map, silence=inputs.silence)
