"""Static files of the page, which browsers ask for again each time they use them."""

from typing import Any, final

from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

FRESH = {"Cache-Control": "no-cache"}
"""A browser may keep what it gets, and asks whether it is still so. Without it a browser guesses,
and modules of two versions of the page, which need not fit together, would meet."""


@final
class FreshFiles(StaticFiles):
    """Those of a folder; what has not changed is not sent again."""

    def file_response(self, *given: Any, **more: Any) -> Response:
        answer = super().file_response(*given, **more)
        answer.headers.update(FRESH)
        return answer
