"""Observers: who looks for what in a clip's frames. By default what comes with instag; others where their files are here."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from instag.errors import BadArgument

LANDMARKS = "landmarks"


@dataclass(frozen=True, kw_only=True)
class Observers:
    """action_units: `landmarks`, or the CSV that OpenFace's FeatureExtraction wrote of the same video."""

    action_units: str = LANDMARKS

    def check(self) -> None:
        """Say before any work what is not to be had. Raises BadArgument."""
        table = self.table
        if table is not None and not table.is_file():
            raise BadArgument(f"--au {table}: there is no such file. Give the CSV that OpenFace's FeatureExtraction wrote, or leave --au out.")

    @property
    def table(self) -> Path | None:
        """The file of action units, None where they are measured."""
        return None if self.action_units == LANDMARKS else Path(self.action_units)

    def action_unit_settings(self) -> dict[str, object]:
        """What the result of the action units' stage depends on; empty for the default, so that older clips stay good."""
        if self.table is None:
            return {}
        return {"table": self.table.name, "sha256": hashlib.sha256(self.table.read_bytes()).hexdigest()}


THE_EMBEDDED = Observers()
"""What comes with instag and needs no file."""
