"""A real Chromium with a synthetic speaker before its camera, and the page's server.

Skipped where playwright or Chromium is missing: pip install 'instag[browser-tests]', and on Debian
apt install chromium.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import cv2
import numpy as np
import pytest

from instag.app.library import Library
from instag.assets.sample_speech import recording
from instag.synthetic import Speaker, perform
from instag.synthetic.performance import spoken
from instag.types import FPS, SAMPLE_RATE

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
AVATAR = Path(__file__).parents[2] / "artefacts" / "lip_codes.avatar"
WIDTH, HEIGHT, SECONDS = 320, 240, 7.0
START_S = 90
FLAGS = (
    "--no-sandbox",  # the tests may run as root
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


@final
@dataclass(frozen=True, kw_only=True)
class Devices:
    """Files that Chromium takes for a camera and a microphone."""

    video: Path
    sound: Path


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its program; nothing is made where a test is skipped."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install 'instag[browser-tests]'")
    if CHROMIUM is None:
        pytest.skip("There is no Chromium: on Debian, apt install chromium")
    return CHROMIUM


@pytest.fixture(scope="session")
def devices(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Devices:
    folder = tmp_path_factory.mktemp("devices")
    found = Devices(video=folder / "camera.y4m", sound=folder / "microphone.wav")
    speaker = Speaker(0, size=HEIGHT)
    filmed = perform(speaker, recording("speech_one"), seconds=SECONDS, size=HEIGHT)
    edge = (WIDTH - HEIGHT) // 2
    with found.video.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in filmed.pictures():
            wide = cv2.copyMakeBorder(picture, 0, 0, edge, edge, cv2.BORDER_REPLICATE)
            file.write(b"FRAME\n" + cv2.cvtColor(wide, cv2.COLOR_RGB2YUV_I420).tobytes())
    write_wav(found.sound, spoken(filmed))
    return found


def write_wav(path: Path, waveform: np.ndarray) -> None:
    """16 kHz, mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((waveform * 32767).astype("<i2").tobytes())


@final
class PageServer:
    """The server as a process that can be killed and started again."""

    def __init__(self, library: Path) -> None:
        self.library = library
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = Path(__file__).with_name("tiny_server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(self.library), str(self.port)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(10 * START_S):
            if self._process.poll() is not None:
                raise AssertionError("the server ended")
            try:
                urllib.request.urlopen(self.address, timeout=5).read()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server did not start")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


@pytest.fixture(scope="session")
def server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    running = PageServer(tmp_path_factory.mktemp("library"))
    running.start()
    yield running
    running.end()


@pytest.fixture(scope="module")
def browser(chromium: str, devices: Devices) -> Iterator[Any]:
    """One a file: while playwright runs, other tests of this process cannot call asyncio.run."""
    from playwright.sync_api import sync_playwright

    files = (
        f"--use-file-for-fake-video-capture={devices.video}",
        f"--use-file-for-fake-audio-capture={devices.sound}",
    )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *files])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, server: PageServer) -> Iterator[Any]:
    """A page that must raise no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=server.address)
    context.set_default_timeout(60_000)
    opened, errors = context.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def brought(page: Any, server: PageServer) -> str:
    """The identifier of an avatar that was dropped onto the page."""
    known = {entry.id for entry in Library(server.library).entries()}
    page.goto("/")
    page.set_input_files("#bring", str(AVATAR))
    page.get_by_text("lip_codes is here").first.wait_for()
    (entry,) = [each for each in Library(server.library).entries() if each.id not in known]
    return entry.id
