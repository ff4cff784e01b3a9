"""Names and identifiers of what the library holds: a name is shown, an identifier is a path."""

import re
import secrets

from instag.errors import BadArgument, FileMissing

IDENTIFIER = re.compile(r"[0-9a-f]{16}")
MOST_LETTERS = 80
JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Letters without a picture of their own, which names in Persian, in Hindi and of several emoji
need."""
NOT_IN_FILES = re.compile(r'[/\\:*?"<>|]+')
"""Letters that some system takes for more than a letter of a file's name."""


def new_identifier() -> str:
    """Sixteen hexadecimal digits that nobody has used."""
    return secrets.token_hex(8)


def checked_identifier(text: str) -> str:
    """The same, where it can be an identifier: no other text becomes a part of a path. Raises
    FileMissing."""
    if IDENTIFIER.fullmatch(text) is None:
        raise FileMissing("Nothing here has this identifier. Open the list again.")
    return text


def checked_name(text: str) -> str:
    """A name as it is shown: one line, without space at its ends. Raises BadArgument."""
    name = " ".join(text.split())
    shown = name.translate(JOINERS)
    if not shown or len(name) > MOST_LETTERS or not shown.isprintable():
        raise BadArgument(
            f"A name has 1 to {MOST_LETTERS} letters that can be shown. Give another one."
        )
    return name


def file_name(name: str, ending: str) -> str:
    """What a file with this name is called when it is fetched."""
    plain = NOT_IN_FILES.sub("_", name).strip(". ")
    return f"{plain or 'avatar'}{ending}"
