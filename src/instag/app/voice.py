"""Voices: speech synthesisers that turn text into sound. None comes with instag."""

import platform
import shlex
import shutil
import tempfile
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore
from typing import final

import numpy as np
from jaxtyping import Float

from instag.app.sound_bytes import decode_sound
from instag.app.voice_program import Programs
from instag.app.voice_service import Requests
from instag.errors import BadArgument, InstagError, StudioFull, VoiceFailed

MOST_TEXT = 2_000
"""Letters that are said at once."""
MOST_AT_ONCE, MOST_WAITING = 4, 16
"""Texts that are said at once, and those with all that wait."""
TEXT, FILE = "{text}", "{wav}"
"""What a command has in place of the text and of the file that it writes."""


class Voice(ABC):
    """Says texts."""

    name: str

    @abstractmethod
    def say(self, text: str) -> Float[np.ndarray, " n"]:
        """The text as sound, mono, 16 kHz. Raises VoiceFailed."""

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End what is being said: the server ends."""


@final
@dataclass(frozen=True, kw_only=True)
class CommandVoice(Voice):
    """A program that writes a sound file to {wav}, or to its standard output where no {wav} stands
    in the command. It reads the text from its standard input where no {text} stands there."""

    command: tuple[str, ...]
    name: str = "command"
    programs: Programs = field(default_factory=Programs, compare=False, repr=False)

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

    def close(self) -> None:
        self.programs.close()

    def say(self, text: str) -> Float[np.ndarray, " n"]:
        text = text.replace("\0", " ")  # no argument of a program holds one
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "speech.wav"
            # A text that begins with a dash would be an option.
            said = f" {text}" if text.startswith("-") else text
            words = [word.replace(FILE, str(file)).replace(TEXT, said) for word in self.command]
            output, told = self.programs.run(words, text, Path(folder), also=file)
            if told.code:
                raise VoiceFailed(f"The voice failed with code {told.code}: {told.reason}")
            return spoken((file if file.is_file() else output).read_bytes())


@final
@dataclass(frozen=True, kw_only=True)
class ServiceVoice(Voice):
    """A service that answers a POST of the text (text/plain, UTF-8) with a sound file."""

    url: str
    name: str = "service"
    requests: Requests = field(default_factory=Requests, compare=False, repr=False)

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise BadArgument(f"{self.url} is no http address of a voice.")

    def say(self, text: str) -> Float[np.ndarray, " n"]:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        asked = urllib.request.Request(self.url, text.encode(), headers)  # noqa: S310 - checked
        return spoken(self.requests.ask(asked))

    def close(self) -> None:
        self.requests.close()


@final
class SharedVoice(Voice):
    """A voice that many ask at once: MOST_AT_ONCE texts are said together, others wait."""

    def __init__(self, voice: Voice) -> None:
        self.name, self._voice = voice.name, voice
        self._free, self._places = Semaphore(MOST_AT_ONCE), Semaphore(MOST_WAITING)

    def close(self) -> None:
        self._voice.close()

    def say(self, text: str) -> Float[np.ndarray, " n"]:
        """Raises StudioFull where too many wait."""
        if not self._places.acquire(blocking=False):
            raise StudioFull("Too many texts wait for the voice. Send this one again in a while.")
        try:
            with self._free:
                return self._voice.say(text)
        finally:
            self._places.release()


def spoken(content: bytes) -> Float[np.ndarray, " n"]:
    """The sound that a voice gave. Raises VoiceFailed where it is none."""
    try:
        samples = decode_sound(content)
    except InstagError as error:
        raise VoiceFailed(f"The voice gave no sound: {error}") from error
    if not len(samples):
        raise VoiceFailed("The voice gave no sound. Look at its command or service.")
    return samples


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
        return SharedVoice(CommandVoice.of_line(command))
    found = ServiceVoice(url=url) if url else installed_voice()
    return None if found is None else SharedVoice(found)


def no_voice() -> str:
    """What to do where there is none."""
    ways = {"Darwin": "brew install espeak-ng", "Windows": "winget install eSpeak-NG.eSpeak-NG"}
    way = ways.get(platform.system(), "apt install espeak-ng")
    return (
        f"There is no voice to say texts with. Install espeak-ng ({way}), or start the server "
        "with --voice-command or --voice-url."
    )
