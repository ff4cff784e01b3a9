"""The page of `instag serve` in a real Chromium."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.browser.conftest import AVATAR, START_S, write_wav
from app.browser.steps import focused
from instag.assets.sample_speech import recording


@pytest.fixture(scope="module")
def served(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    long_name = tmp_path_factory.mktemp("avatars") / f"{'W' * 80}.avatar"
    shutil.copy(AVATAR, long_name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "instag", "serve", str(AVATAR), str(long_name), "--port", str(port)]
    process = subprocess.Popen([sys.executable, *words])
    address = f"http://127.0.0.1:{port}/"
    for _ in range(10 * START_S):
        assert process.poll() is None
        try:
            urllib.request.urlopen(address, timeout=5).read()
        except OSError:
            time.sleep(0.1)
        else:
            break
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(60)


@pytest.fixture
def talk(browser: Any, served: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 375, "height": 740}, base_url=served)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: answer.ok or errors.append(answer.url))
    page.goto("/")
    page.locator("option").nth(1).wait_for(state="attached")
    yield page
    context.close()
    assert errors == []


def test_it_fits_a_phone(talk: Any) -> None:
    assert talk.evaluate("document.documentElement.scrollWidth") == 375


def test_a_head_says_a_file_and_the_microphone_is_off_again(talk: Any, tmp_path: Path) -> None:
    talk.get_by_role("button", name="Connect").dblclick()
    talk.locator("#state", has_text="idle").wait_for()
    write_wav(tmp_path / "speech.wav", recording("speech_two").waveform[:32_000])
    talk.set_input_files("#file", str(tmp_path / "speech.wav"))
    talk.locator("#state", has_text="speaking").wait_for()
    talk.set_input_files("#file", [])
    microphone = talk.get_by_role("button", name="Microphone")
    microphone.click()
    talk.locator('#microphone[aria-pressed="true"]').wait_for()
    talk.get_by_role("button", name="Close").click()
    talk.locator("#state", has_text="closed").wait_for()
    assert microphone.get_attribute("aria-pressed") == "false"
    assert focused(talk) == "connect"
