"""ICE servers that a command line names."""

import asyncio
from typing import Any, cast

import pytest

from instag.app.ice_servers import IceServer, ice_servers
from instag.errors import BadArgument


def test_servers_of_a_line():
    assert ice_servers("") == ()
    found = ice_servers("stun:stun.example.org:3478, turn:me:p%40ss@[::1]:3478?transport=tcp")
    assert found == (
        IceServer(urls="stun:stun.example.org:3478"),
        IceServer(urls="turn:[::1]:3478?transport=tcp", username="me", credential="p@ss"),
    )
    assert found[0].described() == {"urls": "stun:stun.example.org:3478"}
    assert found[1].described()["credential"] == "p@ss"


@pytest.mark.parametrize(
    "text",
    [
        "example.org",
        "http://example.org",
        "turn:example.org",
        "stun:me:secret@example.org",
        "stun:",
    ],
)
def test_what_is_no_server(text: str):
    with pytest.raises(BadArgument, match="no ICE server"):
        ice_servers(text)


def test_the_server_asks_them_too():
    webrtc = pytest.importorskip("instag.app.webrtc", reason="the extra `app` is not installed")
    from aioice import stun

    class Stun(asyncio.DatagramProtocol):
        """Tells whoever asks that it comes from 203.0.113.7."""

        def connection_made(self, transport) -> None:
            self.transport = cast(Any, transport)

        def datagram_received(self, data: bytes, addr) -> None:
            asked = stun.parse_message(data)
            answer = stun.Message(
                asked.message_method, stun.Class.RESPONSE, transaction_id=asked.transaction_id
            )
            answer.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.7", 4_444)
            self.transport.sendto(bytes(answer), addr)

    async def answered() -> str:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Stun, local_addr=("0.0.0.0", 0))
        port = transport.get_extra_info("sockname")[1]
        peer = webrtc.peer_with(ice_servers(f"stun:127.0.0.1:{port}"))
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        await peer.close()
        transport.close()
        return peer.localDescription.sdp

    assert "203.0.113.7 4444 typ srflx" in asyncio.run(answered())
