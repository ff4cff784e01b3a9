"""Expression: the muscle activations of a synthetic face in one frame."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One frame of a face. jaw and gaze are angles in radians; all others are activations, 0 at
    rest and 1 at the strongest.

    jaw: how far the jaw is open. spread: lip corners out (negative: in). rounding: lips
    forward. press: lips together, for any angle of the jaw. upper_raise: upper lip off the teeth.
    tuck: lower lip under the upper teeth. tongue: its tip up. smile: corners up, cheeks up. blink:
    lids together. gaze_yaw, gaze_pitch: of the eyes in the head, to the viewer's right and up.
    brow_inner, brow_outer: brow ends up. frown: brows together and down.
    """

    jaw: float = 0.0
    spread: float = 0.0
    rounding: float = 0.0
    press: float = 0.0
    upper_raise: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    smile: float = 0.0
    blink: float = 0.0
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0
    brow_inner: float = 0.0
    brow_outer: float = 0.0
    frown: float = 0.0
