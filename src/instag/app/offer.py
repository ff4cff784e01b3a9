"""A browser's offer of WebRTC, checked before aiortc reads it."""

import re

from fastapi import HTTPException
from pydantic import BaseModel, Field

from instag.app.letters import Letters

MEDIA = re.compile("^m=", re.MULTILINE)
CANDIDATE = re.compile(r"^a=candidate:(?:\S+ +){5}(\S+)", re.MULTILINE)
"""A line of an offer that names an address; its port is the sixth word."""
MOST_PORT = 65_535
MOST_MEDIA = 16
"""Of an offer: a session has sound, pictures and a channel; each opens sockets."""


class Offer(BaseModel):
    """A browser's session description."""

    sdp: Letters = Field(max_length=200_000)
    type: Letters = "offer"


def check_offer(sdp: str) -> None:
    """Raises HTTPException for what aiortc would fall over later, or take for too much."""
    if len(MEDIA.findall(sdp)) > MOST_MEDIA:
        raise HTTPException(400, f"An offer has {MOST_MEDIA} media at most.")
    for port in CANDIDATE.findall(sdp):
        if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > MOST_PORT:
            raise HTTPException(400, f"An offer's candidate has the port {port[:20]}.")
