"""WebSockets of live sessions whose other side sends what it should not: one clear refusal, or
nothing; the session and its other sockets go on."""

import asyncio
import json
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `app` is not installed")
pytest.importorskip("httpx2", reason="httpx2 is not installed")

from starlette.testclient import TestClient, WebSocketTestSession
from starlette.types import Message

from instag.app.avatar_shelf import GivenAvatars
from instag.app.live_desk import MOST_STREAMS, LiveDesk
from instag.app.security import Security
from instag.app.server import create_app
from instag.app.socket_stream import BURST, MESSAGES_A_SECOND, Pace
from instag.errors import BadArgument
from instag.synthesis.live.session import MOST_HEARD_S, LiveSession
from instag.synthesis.live.studio import Studio
from models.baking import EARLIER

SECOND = (np.random.default_rng(0).standard_normal(16_000) * 3_000).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def desk() -> Iterator[LiveDesk]:
    with Studio(most_sessions=2) as studio:
        yield LiveDesk(studio, GivenAvatars([EARLIER]))


@pytest.fixture
def asked(desk: LiveDesk) -> Iterator[TestClient]:
    with TestClient(create_app(desk, Security(local=False))) as client:
        yield client


@pytest.fixture
def session(asked: TestClient, desk: LiveDesk) -> Iterator[LiveSession]:
    answer = asked.post("/api/sessions", json={"avatar": "lip_codes"})
    session = desk.studio.session(answer.json()["id"])
    assert session is not None
    yield session
    desk.studio.end(session.name)


def stream_of(session: LiveSession) -> str:
    return f"/api/sessions/{session.name}/stream"


def end_of(socket: WebSocketTestSession) -> Message:
    """The message that closes it."""
    while True:
        message = socket.receive()
        if message["type"] == "websocket.close":
            return message


def still_serves(asked: TestClient, session: LiveSession) -> bool:
    """Whether a picture and what a microphone sends come back."""
    session.clear_buffer()
    with asked.websocket_connect(stream_of(session)) as socket:
        kinds = set()
        for _ in range(8):
            socket.send_bytes(SECOND[:6_400])
        while kinds != {1, 2}:
            content = dict(socket.receive()).get("bytes")
            if content and (content[0] != 1 or any(content[8:])):
                kinds.add(content[0])
    return True


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([b"\0" * 641], "s16le mono"),
        ([b"\0"], "s16le mono"),
        ([SECOND * 2], "at most 1 s at once"),
        (["a" * 1_000_000], "at most 1,000 letters"),
        (["[" * 100_000], "at most 1,000 letters"),
        ([b""] * 3_000, "Too many messages: 200 a second"),
        (['{"type": "interrupt"}'] * 3_000, "Too many messages: 200 a second"),
    ],
)
def test_refused_with_a_reason(
    asked: TestClient, session: LiveSession, sent: list[bytes | str], reason: str
):
    with asked.websocket_connect(stream_of(session)) as socket:
        for message in sent:
            if isinstance(message, str):
                socket.send_text(message)
            else:
                socket.send_bytes(message)
        end = end_of(socket)
    assert end["code"] == 1008
    assert reason in end["reason"]
    assert len(end["reason"].encode()) <= 123  # RFC 6455
    assert still_serves(asked, session)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[" * 999,
        '{"a":' * 199,
        "9" * 999,
        "NaN",
        '{"type": NaN}',
        '{"type": 1e999}',
        '{"type": []}',
        '{"type": {"type": "interrupt"}}',
        '{"type": "pictures", "codec": NaN}',
        '{"type": "pictures", "codec": {}}',
        '{"type": "\\ud800"}',
        "[]",
        "null",
        '"interrupt"',
    ],
)
def test_passed_over(asked: TestClient, session: LiveSession, text: str):
    with asked.websocket_connect(stream_of(session)) as socket:
        socket.send_text(text)
        socket.send_bytes(b"")
        session.push_audio(np.ones(160_000, np.float32))
        socket.send_text(json.dumps({"type": "interrupt"}))
        while session.waiting_s:
            assert socket.receive()["type"] == "websocket.send"


def test_a_flood_of_sound_does_not_wait_in_memory(asked: TestClient, session: LiveSession):
    """An hour of sound in a second was kept, and said for an hour."""
    with asked.websocket_connect(stream_of(session)) as socket:
        for _ in range(500):
            socket.send_bytes(SECOND)
            assert session.waiting_s < MOST_HEARD_S + 1.1
    assert still_serves(asked, session)


def test_several_sockets_of_a_session(asked: TestClient, session: LiveSession):
    with asked.websocket_connect(stream_of(session)) as stays:
        with asked.websocket_connect(stream_of(session)) as refused:
            refused.send_bytes(b"\0")
            assert end_of(refused)["code"] == 1008
        with asked.websocket_connect(stream_of(session)) as leaves:
            leaves.send_bytes(SECOND)
        for _ in range(60):
            assert stays.receive()["type"] == "websocket.send"


def test_many_sockets_of_a_session(asked: TestClient, session: LiveSession, desk: LiveDesk):
    opened = [asked.websocket_connect(stream_of(session)) for _ in range(MOST_STREAMS)]
    for socket in opened:
        assert socket.__enter__().receive_json()["type"] == "hello"
    with asked.websocket_connect(stream_of(session)) as socket:
        assert end_of(socket)["code"] == 1013
    for socket in opened:
        socket.__exit__(None, None, None)
    assert still_serves(asked, session)
    assert not desk._streams[session.name]


@pytest.mark.parametrize("sends", [0, 1, 5])
@pytest.mark.parametrize("name", ["", "nobody"])
def test_who_leaves_at_once_is_no_failure(
    desk: LiveDesk, session: LiveSession, sends: int, name: str
):
    """The network fails at the first, second ... message: Uvicorn raises an OSError then."""
    sent: list[Message] = []

    async def receive() -> Message:
        if not sent:
            return {"type": "websocket.connect"}
        await asyncio.sleep(0.05 if len(sent) > sends else 10)
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > sends:
            raise OSError

    path = f"/api/sessions/{name or session.name}/stream"
    scope = {"type": "websocket", "path": path, "headers": [(b"host", b"testserver")]}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "ws", "subprotocols": []}
    app = create_app(desk, Security(local=False))
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 20))
    assert sent[0]["type"] == "websocket.accept"
    assert not session.is_shown


def test_the_pace_of_messages():
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(int(BURST)):
        pace.count()
    with pytest.raises(BadArgument, match="Too many messages"):
        pace.count()
    now[0] += 10
    for _ in range(int(min(BURST, 10 * MESSAGES_A_SECOND)) - 1):
        pace.count()
