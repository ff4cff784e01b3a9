"""A command of instag in this process, which at its end writes the most memory that it took:
python -m benchmarks.watched_command REPORT.json COMMAND...

All else is as with `instag COMMAND...`: nothing is loaded before it that the command does not load.
"""

import json
import sys
from pathlib import Path

from benchmarks.process_memory import peak_memory_mb

from instag.cli import main


def most_memory() -> dict[str, float | None]:
    """MB of this process, and of a GPU's where torch used one: in tensors, and held for them."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {"memory_mb": peak_memory_mb(), "tensors_mb": None, "reserved_mb": None}
    devices = range(torch.cuda.device_count())
    return {
        "memory_mb": peak_memory_mb(),
        "tensors_mb": max(map(torch.cuda.max_memory_allocated, devices)) / 2**20,
        "reserved_mb": max(map(torch.cuda.max_memory_reserved, devices)) / 2**20,
    }


if __name__ == "__main__":
    report = Path(sys.argv.pop(1))
    try:
        main()
    finally:
        report.write_text(json.dumps(most_memory()))
