"""Voices: programs and services that say texts."""

import socket
import sys
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from instag.app import voice, voice_program, voice_service
from instag.app.voice import (
    CommandVoice,
    ServiceVoice,
    SharedVoice,
    Voice,
    chosen_voice,
    installed_voice,
    no_voice,
)
from instag.errors import BadArgument, StudioFull, VoiceFailed
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


@pytest.mark.skipif(sys.platform == "win32", reason="programs end alone there")
def test_a_program_that_hangs_is_ended_with_what_it_started(monkeypatch, tmp_path):
    monkeypatch.setattr(voice_program, "MOST_S", 0.3)
    monkeypatch.setattr(voice_program, "LOOK_EVERY_S", 0.1)
    starts = (
        "import subprocess, sys, pathlib; child = subprocess.Popen(['sleep', '60']); "
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid)); child.wait()"
    )
    began = time.monotonic()
    with pytest.raises(VoiceFailed, match=r"within 0\.3 s"):
        CommandVoice(command=(sys.executable, "-c", starts, str(tmp_path / "pid"))).say("hello")
    assert time.monotonic() - began < 10
    if (tmp_path / "pid").exists():
        child = Path("/proc") / (tmp_path / "pid").read_text() / "stat"
        wait_until(lambda: has_ended(child))
        assert has_ended(child)


def test_a_voice_that_is_closed_ends_what_it_says():
    hangs = CommandVoice(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(SharedVoice(hangs).say, "hello")
        wait_until(lambda: bool(hangs.programs._running))
        SharedVoice(hangs).close()
        with pytest.raises(VoiceFailed):
            said.result()
    with pytest.raises(VoiceFailed, match="its server ends"):
        hangs.say("hello")
    assert time.monotonic() - began < 20


def test_a_program_that_leaves_another_behind_does_not_wait_for_it():
    leaves = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
        f"'import time; time.sleep(5)']); sys.stdout.buffer.write({wav(np.ones(1600))!r})"
    )
    began = time.monotonic()
    assert len(CommandVoice(command=(sys.executable, "-c", leaves)).say("hello")) == 1_600
    assert time.monotonic() - began < 4.5


def test_a_program_that_writes_for_ever_is_ended(monkeypatch):
    monkeypatch.setattr(voice_program, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(voice_program, "LOOK_EVERY_S", 0.05)
    writes = "import sys\nwhile True: sys.stdout.buffer.write(bytes(1 << 16))"
    with pytest.raises(VoiceFailed, match="more than 1 MiB"):
        CommandVoice(command=(sys.executable, "-c", writes)).say("hello")


@pytest.mark.parametrize("output", [b"", b"no sound at all", wav(np.zeros(0))])
def test_a_program_that_gives_no_sound_is_told(output: bytes):
    gives = f"import sys; sys.stdout.buffer.write({output!r})"
    with pytest.raises(VoiceFailed, match="gave no sound"):
        CommandVoice(command=(sys.executable, "-c", gives)).say("hello")


def test_few_texts_are_said_at_once_and_few_wait(monkeypatch):
    monkeypatch.setattr(voice, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(voice, "MOST_WAITING", 2)
    entered, go_on = threading.Semaphore(0), threading.Event()

    class Slow(Voice):
        name = "slow"

        def say(self, text: str) -> np.ndarray:
            entered.release()
            assert go_on.wait(10)
            return np.ones(1)

    shared = SharedVoice(Slow())
    with ThreadPoolExecutor(2) as pool:
        said = [pool.submit(shared.say, "hello") for _ in range(2)]
        assert entered.acquire(timeout=10)
        wait_until(lambda: shared._places._value == 0)
        assert not entered.acquire(blocking=False)
        with pytest.raises(StudioFull, match="wait for the voice"):
            shared.say("hello")
        go_on.set()
        assert [len(each.result()) for each in said] == [1, 1]
    assert len(shared.say("hello")) == 1


def has_ended(state: Path) -> bool:
    """By the file in which Linux tells of a process; elsewhere there is none."""
    try:
        return ") Z" in state.read_text()
    except OSError:
        return True


def wait_until(holds) -> None:
    ends = time.monotonic() + 10
    while not holds() and time.monotonic() < ends:
        time.sleep(0.01)


@pytest.fixture
def broken_service() -> Iterator[str]:
    """One that answers with what is no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            asking, _ = listener.accept()
            with asking:
                asking.recv(65_536)
                asking.sendall(b"no http\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_a_service_that_speaks_no_http_is_told(broken_service: str):
    with pytest.raises(VoiceFailed, match="did not answer"):
        ServiceVoice(url=broken_service).say("hello")


def test_a_service_that_answers_without_end_is_told(service, monkeypatch):
    monkeypatch.setattr(voice_service, "MOST_BYTES", 1_000)
    with pytest.raises(VoiceFailed, match="too much"):
        ServiceVoice(url=service[0]).say("hello")


@pytest.fixture
def silent_service() -> Iterator[str]:
    """One that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_service_that_never_answers_does_not_hold_the_server(silent_service: str):
    hangs = ServiceVoice(url=silent_service)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(SharedVoice(hangs).say, "hello")
        wait_until(lambda: bool(hangs.requests._answers))
        SharedVoice(hangs).close()
        with pytest.raises(VoiceFailed, match="its server ends"):
            said.result()
    with pytest.raises(VoiceFailed, match="its server ends"):
        hangs.say("hello")
    assert time.monotonic() - began < 20


def test_a_service_that_takes_too_long_is_left(silent_service: str, monkeypatch):
    monkeypatch.setattr(voice_service, "MOST_S", 0.3)
    with pytest.raises(VoiceFailed, match=r"within 0\.3 s|timed out"):
        ServiceVoice(url=silent_service).say("hello")


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
