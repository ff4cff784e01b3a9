"""Text in a request: whole letters, as UTF-8 can write."""

from typing import Annotated

from pydantic import AfterValidator


def _whole(text: str) -> str:
    """Raises ValueError for half of a pair, which JSON can hold."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("it holds half letters (surrogates)")
    return text


Letters = Annotated[str, AfterValidator(_whole)]
