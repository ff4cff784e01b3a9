"""Offers that aiortc would fall over are refused before it reads them."""

import pytest

pytest.importorskip("fastapi", reason="the extra `app` is not installed")

from fastapi import HTTPException

from instag.app.offer import check_offer


@pytest.mark.parametrize(
    "line",
    ["a=candidate:1 1 udp 1 127.0.0.1 99999999 typ host", "a=candidate:1 1 udp 1 ::1 x typ host"],
)
def test_candidates_of_no_port_are_refused(line: str):
    with pytest.raises(HTTPException, match="candidate"):
        check_offer(f"v=0\r\n{line}\r\n")


def test_offers_of_browsers_pass_and_those_of_many_media_do_not():
    media = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    check_offer("v=0\r\n" + 3 * media + "a=candidate:1 1 udp 2113937151 x.local 54400 typ host\r\n")
    with pytest.raises(HTTPException, match="media"):
        check_offer("v=0\r\n" + 17 * media)
