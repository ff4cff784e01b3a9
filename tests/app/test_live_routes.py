"""The live routes: sessions over HTTP and WebSocket."""

import asyncio
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `app` is not installed")
pytest.importorskip("httpx2", reason="httpx2 is not installed")

from starlette.testclient import TestClient, WebSocketTestSession
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from instag.app.avatar_shelf import MOST_SCALED, GivenAvatars
from instag.app.live_desk import LiveDesk
from instag.app.security import Security
from instag.app.server import create_app
from instag.app.voice import Voice
from instag.errors import BadArgument, FileMissing
from instag.synthesis.live.studio import Studio
from instag.types import SAMPLES
from models.baking import EARLIER

NOISE = (np.random.default_rng(0).standard_normal(10 * SAMPLES) * 3_000).astype("<i2")


class Beep(Voice):
    name = "beep"

    def say(self, text: str) -> np.ndarray:
        return np.full(len(text) * SAMPLES, 0.1, np.float32)


@pytest.fixture(scope="module")
def desk() -> Iterator[LiveDesk]:
    with Studio(most_sessions=2) as studio:
        yield LiveDesk(studio, GivenAvatars([EARLIER]), voice=Beep())


@pytest.fixture
def asked(desk: LiveDesk) -> Iterator[TestClient]:
    with TestClient(create_app(desk, Security(local=False))) as client:
        yield client
    for session in desk.studio.sessions:
        desk.studio.end(session.name)


def received(socket: WebSocketTestSession) -> dict:
    """The next message. Raises WebSocketDisconnect after the last."""
    message = dict(socket.receive())
    if message["type"] == "websocket.close":
        raise WebSocketDisconnect(message["code"])
    return message


def opened(asked: TestClient) -> str:
    answer = asked.post("/api/sessions", json={"avatar": "lip_codes"})
    assert answer.status_code == 201
    return f"/api/sessions/{answer.json()['id']}"


def test_sessions_are_opened_listed_and_closed(asked: TestClient):
    assert asked.get("/api/avatars").json()["avatars"] == [
        {"id": "lip_codes", "name": "lip_codes", "size": 64}
    ]
    path = opened(asked)
    about = asked.get(path).json()
    assert about == about | {"avatar": "lip_codes", "size": 64, "fps": 25, "state": "idle"}
    assert asked.get("/api/sessions").json() == {"sessions": [about]}
    assert asked.delete(path).status_code == 204
    assert asked.get("/api/sessions").json() == {"sessions": []}
    assert asked.get(path).status_code == 404
    assert "Open another one" in asked.get(path).json()["detail"]


def test_a_full_server_says_so(asked: TestClient):
    opened(asked)
    opened(asked)
    refused = asked.post("/api/sessions", json={"avatar": "lip_codes"})
    assert refused.status_code == 503
    assert "places are taken" in refused.json()["detail"]
    assert refused.headers["retry-after"]


def test_what_cannot_be_opened(asked: TestClient):
    missing = asked.post("/api/sessions", json={"avatar": "nobody"})
    assert missing.status_code == 404
    assert "nobody" in missing.json()["detail"]
    huge = asked.post("/api/sessions", json={"avatar": "lip_codes", "size": 9_000})
    assert huge.status_code == 400
    assert asked.post("/api/sessions", json={}).status_code == 422


def test_a_stream_has_sound_and_pictures_of_what_is_said(asked: TestClient):
    path = opened(asked)
    headers = {"Content-Type": "audio/pcm;rate=16000"}
    said = asked.post(f"{path}/audio", content=NOISE.tobytes(), headers=headers)
    assert (said.status_code, said.json()) == (202, {"seconds": 0.4})
    assert asked.post(f"{path}/say", json={"text": "ab"}).json() == {"seconds": 0.08}
    sounds: dict[int, np.ndarray] = {}
    pictures: dict[int, np.ndarray] = {}
    states = []
    with asked.websocket_connect(f"{path}/stream") as socket:
        hello = socket.receive_json()
        assert hello == {"type": "hello", "size": 64, "fps": 25, "sample_rate": 16_000}
        while len(sounds) < 14 or not pictures:
            message = received(socket)
            if message.get("text"):
                states.append(message["text"])
                continue
            kind, number = struct.unpack_from("<B3xI", message["bytes"])
            content = np.frombuffer(message["bytes"], np.uint8, offset=8)
            if kind == 1:
                sounds[number] = content.view("<i2")
            else:
                pictures[number] = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))
    heard = np.concatenate([sounds[number] for number in sorted(sounds)])
    assert np.abs(heard[: len(NOISE)].astype(int) - NOISE).max() <= 1
    assert np.abs(heard[len(NOISE) : len(NOISE) + 2 * SAMPLES] - 3_276).max() <= 1
    assert pictures.keys() <= sounds.keys() | {max(sounds) + 1}
    assert next(iter(pictures.values())).shape == (64, 64, 3)


def test_a_microphone_comes_back_and_can_be_interrupted(asked: TestClient, desk: LiveDesk):
    path = opened(asked)
    session = desk.studio.sessions[0]
    with asked.websocket_connect(f"{path}/stream") as socket:
        socket.send_bytes(NOISE.tobytes())
        heard = 0
        while not heard:
            message = received(socket)
            if message.get("bytes") and message["bytes"][0] == 1:
                heard = int(np.abs(np.frombuffer(message["bytes"], "<i2", offset=8)).max())
        session.push_audio(np.ones(160_000, np.float32))
        assert asked.post(f"{path}/interrupt").status_code == 204
        assert session.waiting_s == 0
        while '"cleared"' not in (message.get("text") or ""):
            message = received(socket)
        session.push_audio(np.ones(160_000, np.float32))
        socket.send_json({"type": "interrupt"})
        while session.waiting_s:
            received(socket)


def test_a_client_may_ask_for_h264(asked: TestClient):
    with asked.websocket_connect(f"{opened(asked)}/stream") as socket:
        for codec in ([], "h264"):
            socket.send_json({"type": "pictures", "codec": codec})
        kinds: list[tuple[int, int]] = []
        while sum(kind == 3 for kind, _ in kinds) < 3:
            content = received(socket).get("bytes")
            if content and content[0] != 1:
                kinds.append(struct.unpack_from("<BB", content))
        socket.send_json({"type": "pictures", "codec": "jpeg"})
        while kinds[-1][0] != 2:
            content = received(socket).get("bytes")
            if content and content[0] != 1:
                kinds.append(struct.unpack_from("<BB", content))
    chunks = [key for kind, key in kinds if kind == 3]
    assert chunks == [1] + [0] * (len(chunks) - 1)


def test_the_end_of_a_session_ends_its_stream(asked: TestClient):
    path = opened(asked)
    with asked.websocket_connect(f"{path}/stream") as socket:
        asked.delete(path)
        with pytest.raises(WebSocketDisconnect):
            while True:
                received(socket)
    with asked.websocket_connect(f"{path}/stream") as socket, pytest.raises(WebSocketDisconnect):
        socket.receive_text()


def test_sounds_that_cannot_be_said(asked: TestClient):
    path = opened(asked)
    assert asked.post(f"{path}/audio", content=b"no sound").status_code == 400
    assert asked.post(f"{path}/say", json={"text": ""}).status_code == 422
    assert asked.post(f"{path}/say", json={"text": "a" * 3_000}).status_code == 422


def test_without_a_voice_texts_are_refused(asked: TestClient, desk: LiveDesk, monkeypatch):
    assert asked.get("/api/voice").json()["voice"] == "beep"
    monkeypatch.setattr(desk, "voice", None)
    refused = asked.post(f"{opened(asked)}/say", json={"text": "hello"})
    assert refused.status_code == 400
    assert "--voice-command" in refused.json()["detail"]
    assert asked.get("/api/voice").json()["voice"] is None


def test_metrics(asked: TestClient):
    opened(asked)
    found = asked.get("/api/metrics").json()
    assert found["places"] == 2
    assert found["sessions"][0].keys() >= {"frames", "skipped", "interval_ms", "skew_ms"}
    assert found["parts_ms"].keys() == {"hear", "paint", "late"}


def test_pages(asked: TestClient):
    assert "talk.js" in asked.get("/").text
    for name in ("talk.js", "talk.css", "live.js", "microphone.js"):
        assert asked.get(f"/static/{name}").status_code == 200
    for name in re.findall(r'from "[.](/live/[a-z_]+[.]js)"', asked.get("/static/live.js").text):
        assert asked.get(f"/static{name}").status_code == 200


def test_avatars_of_one_name_are_refused():
    with pytest.raises(BadArgument, match="Two avatars"):
        GivenAvatars([EARLIER, EARLIER])
    with pytest.raises(FileMissing):
        GivenAvatars([Path("no.avatar")])


@pytest.mark.parametrize(
    "body",
    [
        b'{"avatar":"lip_codes","size":1e400}',
        b'{"avatar":"lip_codes","size":NaN}',
        b'{"avatar":"\\ud800"}',
        b"[]",
        b"{",
    ],
)
def test_what_is_not_understood_is_answered_in_a_sentence(asked: TestClient, body: bytes):
    """And not sent back: JSON has no NaN, and UTF-8 no half letters."""
    header = {"Content-Type": "application/json"}
    answer = asked.post("/api/sessions", content=body, headers=header)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("This request is not understood (body")


def test_who_leaves_while_sending_is_no_failure(desk: LiveDesk, asked: TestClient):
    """A page that is closed during an upload."""
    path = f"{opened(asked)}/audio"
    news = iter([{"type": "http.request", "body": b"RI", "more_body": True}])
    sent = []

    async def receive() -> dict:
        return next(news, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"content-length", b"1000")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http"}
    asyncio.run(create_app(desk, Security(local=False))(scope, receive, send))
    assert sent[0]["status"] == 499


def test_few_sizes_of_an_avatar_are_kept():
    shelf = GivenAvatars([EARLIER])
    for size in range(65, 65 + 3 * MOST_SCALED):
        assert shelf.open("lip_codes", size).info.size == size
    assert len(shelf._scaled) == MOST_SCALED


def test_an_avatar_is_scaled_once():
    shelf = GivenAvatars([EARLIER])
    assert shelf.open("lip_codes", 80) is shelf.open("lip_codes", 80)
    assert shelf.open("lip_codes", 80).info.size == 80
