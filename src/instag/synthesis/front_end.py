"""The speech front end that an avatar was learned with."""

from instag.models.avatar import Avatar
from instag.speech.front_end import FrontEnd
from instag.speech.registry import create


def front_end_for(avatar: Avatar, *, device: str = "cpu") -> FrontEnd:
    """The avatar's front end, with its speaker adapter where it has one. device: where its network
    computes. Raises what registry.create raises."""
    return create(avatar.info.front_end, device=device, speaker_adapter=avatar.speaker_adapter)
