"""ICE servers: STUN and TURN, by which two ends of WebRTC find a way through NATs."""

import re
from dataclasses import dataclass
from typing import final
from urllib.parse import unquote

from instag.errors import BadArgument

ADDRESS = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<name>[^:@]+):(?P<password>[^@]+)@)?"
    r"(?P<place>(?:\[[0-9a-fA-F:]+\]|[^\s:@/?]+)(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?)"
)


@final
@dataclass(frozen=True, kw_only=True)
class IceServer:
    """As browsers describe one. Whoever opens a session gets the name and the credential too."""

    urls: str
    username: str = ""
    credential: str = ""

    @classmethod
    def of(cls, text: str) -> "IceServer":
        """From `stun:HOST:PORT` or `turn:NAME:PASSWORD@HOST:PORT`. Raises BadArgument."""
        found = ADDRESS.fullmatch(text.strip())
        if found is None or (found["name"] is None) != found["scheme"].startswith("stun"):
            raise BadArgument(
                f"{text.strip()} is no ICE server. Give stun:HOST:PORT or "
                "turn:NAME:PASSWORD@HOST:PORT, more of them with commas."
            )
        return cls(
            urls=f"{found['scheme']}:{found['place']}",
            username=unquote(found["name"] or ""),
            credential=unquote(found["password"] or ""),
        )

    def described(self) -> dict[str, str]:
        """For RTCPeerConnection."""
        given = {"urls": self.urls, "username": self.username, "credential": self.credential}
        return {name: value for name, value in given.items() if value}


def ice_servers(line: str) -> tuple[IceServer, ...]:
    """All that a line names, with commas. Raises BadArgument."""
    return tuple(IceServer.of(each) for each in line.split(",") if each.strip())
