"""What all tests share: shapes and types of instag's functions are checked when they are called, and hypothesis keeps to few examples."""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

install_import_hook("instag", "beartype.beartype")

settings.register_profile("default", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
