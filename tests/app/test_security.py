"""Security: who may ask, from which page, how much."""

import pytest

pytest.importorskip("fastapi", reason="the extra `app` is not installed")
pytest.importorskip("httpx2", reason="httpx2 is not installed")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from instag.app.security import BURST, Rates, Security, SecurityMiddleware, is_local

TOKEN = "open sesame"


def client(security: Security, base_url: str = "http://localhost") -> TestClient:
    async def answer(request) -> PlainTextResponse:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    paths = ("/", "/api/voice", "/api/sessions/x/audio")
    routes = [Route(path, answer, methods=["GET", "POST"]) for path in paths]
    app = Starlette(routes=[*routes, WebSocketRoute("/api/stream", stream)])
    return TestClient(SecurityMiddleware(app, security), base_url=base_url)


def test_a_token_comes_in_a_header_an_address_or_a_cookie():
    asked = client(Security(token=TOKEN))
    assert asked.get("/api/voice").status_code == 401
    assert "token" in asked.get("/api/voice").json()["detail"]
    assert asked.get("/api/voice?token=open").status_code == 401
    header = {"Authorization": f"Bearer {TOKEN}"}
    assert asked.get("/api/voice", headers=header).status_code == 200
    assert asked.get("/api/voice", params={"token": TOKEN}).status_code == 200
    page = asked.get("/", params={"token": TOKEN})
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "SameSite=Strict" in page.headers["set-cookie"]
    assert asked.get("/api/voice").status_code == 200


def test_a_page_without_the_token_sets_no_cookie():
    asked = client(Security(token=TOKEN))
    assert "set-cookie" not in asked.get("/").headers
    assert "set-cookie" not in asked.get("/?token=other").headers


def test_pages_of_other_servers_are_refused():
    asked = client(Security(origins=frozenset(("https://friend.org",))))
    foreign = asked.get("/api/voice", headers={"Origin": "https://evil.org"})
    assert foreign.status_code == 403
    assert "--origin https://evil.org" in foreign.json()["detail"]
    for origin in ("https://friend.org", "http://localhost"):
        assert asked.get("/api/voice", headers={"Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Host": "["}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "a:b:c"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Length": "abc"}, 400),
        ({"Content-Length": "-5"}, 400),
        ({"Content-Length": "9" * 5_000}, 413),
    ],
)
def test_malformed_headers_are_refused(header: dict[str, str], status: int):
    assert client(Security()).get("/api/voice", headers=header).status_code == status


def test_cookies_of_other_servers_do_no_harm():
    """A browser sends those of all ports of this machine."""
    asked = client(Security(token="open"))
    for others in ("a/b=c; ", 'a,b="; ', ";=;$Version=1; instag_tokens=x; "):
        answer = asked.get("/api/voice", headers={"Cookie": f"{others}instag_token=open"})
        assert answer.status_code == 200
        assert asked.get("/api/voice", headers={"Cookie": f"{others}x=y"}).status_code == 401


def test_names_that_lead_to_this_machine_are_refused():
    assert client(Security(), "http://evil.org").get("/api/voice").status_code == 403
    assert client(Security(local=False), "http://me.org").get("/api/voice").status_code == 200


def test_websockets_are_refused_alike():
    asked = client(Security(token=TOKEN, local=False))
    with asked.websocket_connect(f"/api/stream?token={TOKEN}") as socket:
        assert socket.receive_text() == "hello"
    with (
        asked.websocket_connect("/api/stream") as socket,
        pytest.raises(WebSocketDisconnect) as why,
    ):
        socket.receive_text()
    assert why.value.code == 1008
    assert "token" in why.value.reason


def test_large_bodies_are_refused():
    asked = client(Security(most_bytes={"/audio": 3_000_000}))
    assert asked.post("/api/voice", content=bytes(2_000_000)).status_code == 413
    assert asked.post("/api/sessions/x/audio", content=bytes(2_000_000)).status_code == 200
    assert asked.post("/api/voice", content=iter([b"?"])).status_code == 411


def test_others_ask_no_faster_than_allowed():
    rates = Rates()
    answers = [rates.allow("1.2.3.4") for _ in range(int(BURST) + 20)]
    assert all(answers[: int(BURST)])
    assert not all(answers)
    assert rates.allow("5.6.7.8")
    asked = client(Security(local=False), "http://me.org")
    assert any(asked.get("/").status_code == 429 for _ in range(int(BURST) + 60))


def test_every_answer_has_the_policy():
    headers = client(Security()).get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("me.org", False),
    ],
)
def test_addresses_of_this_machine(host: str, local: bool):
    assert is_local(host) == local
