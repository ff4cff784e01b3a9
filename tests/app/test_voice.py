"""Voices: programs and services that say texts."""

import sys
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import numpy as np
import pytest

from instag.app.voice import CommandVoice, ServiceVoice, chosen_voice, installed_voice, no_voice
from instag.errors import BadArgument, VoiceFailed
from instag.types import SAMPLE_RATE

WRITES = (
    "import sys, wave; w = wave.open(sys.argv[2], 'wb'); w.setnchannels(1); w.setsampwidth(2); "
)
WRITES += "w.setframerate(8000); w.writeframes(bytes(2 * 800 * len(sys.argv[1]))); w.close()"


def wav(samples: np.ndarray) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(SAMPLE_RATE)
        written.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def test_a_program_gets_text_and_file():
    voice = CommandVoice(command=(sys.executable, "-c", WRITES, "{text}", "{wav}"))
    assert len(voice.say("four")) == pytest.approx(0.4 * SAMPLE_RATE, abs=50)


def test_no_shell_reads_the_text(tmp_path):
    voice = CommandVoice(command=(sys.executable, "-c", WRITES, "{text}", "{wav}"))
    voice.say(f"; touch {tmp_path}/made $(touch {tmp_path}/made)")
    assert not any(tmp_path.iterdir())


def test_a_text_is_no_option():
    writes = WRITES.replace("sys.argv[1]", "sys.argv[1].strip('-') and 4 * ' '")
    voice = CommandVoice(command=(sys.executable, "-c", writes, "{text}", "{wav}"))
    assert len(voice.say("--")) == pytest.approx(0.4 * SAMPLE_RATE, abs=50)


def test_a_text_with_a_zero_is_said():
    voice = CommandVoice(command=(sys.executable, "-c", WRITES, "{text}", "{wav}"))
    assert len(voice.say("f\0ur")) == pytest.approx(0.4 * SAMPLE_RATE, abs=50)


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows", "Java"])
def test_what_to_install_is_said_everywhere(monkeypatch: pytest.MonkeyPatch, system: str):
    monkeypatch.setattr("platform.system", lambda: system)
    assert "espeak-ng" in no_voice().lower()


def test_a_program_may_use_its_standard_streams():
    echo = f"import sys; sys.stdin.read(); sys.stdout.buffer.write({wav(np.ones(1600))!r})"
    assert len(CommandVoice(command=(sys.executable, "-c", echo)).say("hello")) == 1_600


def test_programs_that_fail_are_named():
    fails = "import sys; sys.exit('no such voice')"
    with pytest.raises(VoiceFailed, match="no such voice"):
        CommandVoice(command=(sys.executable, "-c", fails)).say("hello")
    with pytest.raises(BadArgument, match="no program"):
        chosen_voice(command="no-such-program {text}")


@pytest.fixture
def service() -> Iterator[tuple[str, list[bytes]]]:
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(wav(np.ones(3_200)))

        def log_message(self, *given) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_answers_with_sound(service):
    url, asked = service
    voice = chosen_voice(url=url)
    assert voice is not None
    assert len(voice.say("guten Tag, Öl")) == 3_200
    assert asked == ["guten Tag, Öl".encode()]


def test_a_service_that_is_not_there():
    with pytest.raises(VoiceFailed, match="did not answer"):
        ServiceVoice(url="http://127.0.0.1:9/").say("hello")
    with pytest.raises(BadArgument, match="no http address"):
        ServiceVoice(url="file:///etc/passwd")


def test_espeak_is_used_where_it_is_installed():
    voice = installed_voice()
    if voice is None:
        assert "espeak-ng" in no_voice()
        pytest.skip("espeak-ng is not installed")
    assert len(voice.say("Good morning")) > SAMPLE_RATE // 4
