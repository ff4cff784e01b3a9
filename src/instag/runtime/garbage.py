"""Python's collection of garbage, kept out of where it costs or does harm."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """A block in which Python collects no garbage."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def loading_uncollected() -> Iterator[None]:
    """Load libraries, or what else stays, in the block without collecting garbage, which finds none
    among their million objects and takes a sixth of the time; whatever is there at its end is never
    looked through later either."""
    with without_collection():
        try:
            yield
        finally:
            gc.freeze()
