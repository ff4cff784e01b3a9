"""The display: whether this process can show somebody something."""

import os
import sys


def can_show() -> bool:
    """Whether a browser can open a window: not over SSH, not in CI, and on Linux only with a
    display."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
