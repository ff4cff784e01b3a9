"""Voices: speech synthesisers that turn text into sound. None comes with instag."""

import platform
import shlex
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float

from instag.app.sound_bytes import decode_sound
from instag.errors import BadArgument, VoiceFailed

MOST_TEXT = 2_000
"""Letters that are said at once."""
MOST_S = 60
"""Seconds that a synthesiser may take."""
TEXT, FILE = "{text}", "{wav}"
"""What a command has in place of the text and of the file that it writes."""


class Voice(ABC):
    """Says texts."""

    name: str

    @abstractmethod
    def say(self, text: str) -> Float[np.ndarray, " n"]:
        """The text as sound, mono, 16 kHz. Raises VoiceFailed."""


@final
@dataclass(frozen=True, kw_only=True)
class CommandVoice(Voice):
    """A program that writes a sound file to {wav}, or to its standard output where no {wav} stands
    in the command. It reads the text from its standard input where no {text} stands there."""

    command: tuple[str, ...]
    name: str = "command"

    @classmethod
    def of_line(cls, line: str) -> "CommandVoice":
        """A command as in a shell, which does not run it. Raises BadArgument."""
        try:
            words = tuple(shlex.split(line))
        except ValueError as error:
            raise BadArgument(f"The voice's command cannot be read ({error}): {line}") from error
        if not words or shutil.which(words[0]) is None:
            raise BadArgument(f"There is no program {words[0] if words else ''!r} for the voice.")
        return cls(command=words)

    def say(self, text: str) -> Float[np.ndarray, " n"]:
        text = text.replace("\0", " ")  # no argument of a program holds one
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "speech.wav"
            # A text that begins with a dash would be an option.
            said = f" {text}" if text.startswith("-") else text
            words = [word.replace(FILE, str(file)).replace(TEXT, said) for word in self.command]
            try:
                done = subprocess.run(  # noqa: S603 - the command is the operator's own
                    words, input=text.encode(), capture_output=True, timeout=MOST_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise VoiceFailed(f"The voice did not answer: {error}.") from error
            if done.returncode:
                reason = done.stderr.decode(errors="replace").strip()[-200:]
                raise VoiceFailed(f"The voice failed with code {done.returncode}: {reason}")
            return decode_sound(file.read_bytes() if file.exists() else done.stdout)


@final
@dataclass(frozen=True, kw_only=True)
class ServiceVoice(Voice):
    """A service that answers a POST of the text (text/plain, UTF-8) with a sound file."""

    url: str
    name: str = "service"

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise BadArgument(f"{self.url} is no http address of a voice.")

    def say(self, text: str) -> Float[np.ndarray, " n"]:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        asked = urllib.request.Request(self.url, text.encode(), headers)  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(asked, timeout=MOST_S) as answer:  # noqa: S310
                return decode_sound(answer.read())
        except (urllib.error.URLError, OSError) as error:
            raise VoiceFailed(f"The voice at {self.url} did not answer: {error}.") from error


def installed_voice() -> Voice | None:
    """espeak-ng where it is installed."""
    found = shutil.which("espeak-ng")
    if found is None:
        return None
    return CommandVoice(command=(found, "--stdin", "--stdout"), name="espeak-ng")


def chosen_voice(command: str = "", url: str = "") -> Voice | None:
    """The voice of a command, else that of a service, else one that is installed. Raises
    BadArgument."""
    if command:
        return CommandVoice.of_line(command)
    return ServiceVoice(url=url) if url else installed_voice()


def no_voice() -> str:
    """What to do where there is none."""
    ways = {"Darwin": "brew install espeak-ng", "Windows": "winget install eSpeak-NG.eSpeak-NG"}
    way = ways.get(platform.system(), "apt install espeak-ng")
    return (
        f"There is no voice to say texts with. Install espeak-ng ({way}), or start the server "
        "with --voice-command or --voice-url."
    )
