"""The script that a person reads while being recorded; its first sentence gives consent."""

from typing import Literal

CONSENT = "I agree that an avatar of my face is made from this recording."
"""Read aloud at the beginning of a recording."""
CONFIRMED = "The person in this video agreed that an avatar is made from it."
"""Confirmed by whoever gives a video that was made elsewhere."""
SCRIPT = (
    "On a bright morning, five boys played the flute by the river.",
    "My mother bought a big map, and papa put it above the bed.",
    "She saw seven ships, a yellow church, and the judge who owns them.",
    "How are you today? We are fine, thank you; I hope you found the house.",
    "Please wait a moment, then smile, and look up before you say goodbye.",
)
"""All lip shapes of English, closed lips above all, in some twenty-five seconds."""
LEAST_S, ENOUGH_S = 6.0, 20.0
"""Seconds: the shortest recording that is worth learning, and one that makes a good head."""

ConsentKind = Literal["spoken", "confirmed"]


def consent_sentence(kind: ConsentKind) -> str:
    """The sentence that was agreed to."""
    return CONSENT if kind == "spoken" else CONFIRMED
