"""Consent: the sentence by which a person agreed to an avatar, and the recording that holds it."""

import json
import re
from dataclasses import asdict, dataclass
from typing import final

from instag.runtime.untrusted import record, words

MOST_LETTERS = 1_000
SHA256 = re.compile(r"[0-9a-f]{64}")


@final
@dataclass(frozen=True, kw_only=True)
class Consent:
    """What an avatar keeps of its person's consent. It proves nothing by itself: nobody compared
    the sentence with the recording's sound.

    sentence: what was agreed to. recording_sha256: of the video file that the avatar was learned
    from. spoken: whether the sentence was part of the script that was read for that file; False
    where somebody confirmed it for a video that was made elsewhere.
    """

    sentence: str
    recording_sha256: str
    spoken: bool

    def as_json(self) -> str:
        """The content of consent.json."""
        return json.dumps(asdict(self), indent=1)


def consent_of(content: bytes) -> Consent:
    """The inverse of `as_json`, of a file of somebody else's. Raises ValueError, KeyError."""
    values = record("consent.json", json.loads(content))
    digest = words("the recording's SHA-256", values["recording_sha256"], 64)
    if SHA256.fullmatch(digest) is None:
        raise ValueError("the consent's recording_sha256 is no SHA-256")
    if not isinstance(values["spoken"], bool):
        raise ValueError("the consent's `spoken` is neither true nor false")
    return Consent(
        sentence=words("the consent's sentence", values["sentence"], MOST_LETTERS),
        recording_sha256=digest,
        spoken=values["spoken"],
    )
