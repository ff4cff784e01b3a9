"""The fuzz harness: damaged and hostile files, each opened and used in a process of its own kind,
for hours: python -m benchmarks.fuzz [--seconds 3600] [--target NAME] [--keep FOLDER].

Good is: one clear error of instag's, or a file that is used as it is. A raw traceback, a crash, a
hang, memory beyond the limit or a wrong acceptance is a finding; its input is kept, and `--seed`
makes it again. `make test` runs half a minute of it.
"""

import contextlib
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import final

from benchmarks.command_line import parser_of
from benchmarks.fuzz_targets import TARGETS, Target, WronglyAccepted
from benchmarks.mutations import mutated

HANG_S, COMPILING_S = 60.0, 900.0
MEMORY = 6 * 2**30
"""Bytes of address space beyond what a worker starts with."""
SERVED = 2000
"""Inputs of a worker: what it leaves open, as TensorBoard's threads, ends with it."""
LONGEST_ERROR = 3000
"""Letters."""
GOOD = ("accepted", "refused")


@final
@dataclass(kw_only=True)
class Findings:
    """What came of all inputs, by outcome and by target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_target: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)

    def add(self, target: str, seed: int, outcome: str, words: str) -> None:
        self.outcomes[outcome] += 1
        self.by_target.setdefault(target, Counter())[outcome] += 1
        if outcome not in GOOD:
            self.bad.append(f"{target}, seed {seed}: {outcome}: {words}")


def outcome_of(target: Target, seed: int, keep: Path | None = None) -> tuple[str, str]:
    """Make the input of this seed, open and use it; the target's good file for a negative one. An
    outcome, and words about it."""
    from instag.errors import InstagError

    with tempfile.TemporaryDirectory() as name:
        path = target.seed(Path(name))
        chance = random.Random(f"{target.name} {seed}")
        data = path.read_bytes()
        if seed >= 0:
            data = mutated(data, chance)
        path.write_bytes(data)
        given = path
        if target.folder:
            given = next(p for p in [path, *path.parents] if p.parent == Path(name))
        if keep is not None:
            shutil.copy(path, keep / f"{target.name.replace('/', '-')} {seed}{path.suffix}")
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                target.read(given)
        except InstagError as error:
            text = str(error)
            told = given.name.split(".")[0] in text or "avatar" in text
            clear = told and len(text) < LONGEST_ERROR and "\n" not in text and seed >= 0
            return ("refused", text) if clear else ("unclear", text)
        except WronglyAccepted as error:
            return "wrong", str(error)
        except Exception as error:  # noqa: BLE001 - what is sought
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            return "traceback", f"{type(error).__name__} at {place}: {str(error)[:200]}"
    return "accepted", ""


def work(pipe: Connection) -> None:
    """A worker: reads (target's number, seed) until the pipe is closed."""
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(ValueError, OSError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    while True:
        try:
            number, seed = pipe.recv()
        except EOFError:
            return
        pipe.send(outcome_of(TARGETS[number], seed))


@final
class Worker:
    """A process that may crash or hang."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        self._process.start()
        self._served = 0
        theirs.close()

    def run(self, number: int, seed: int, limit_s: float) -> tuple[str, str]:
        if self._served >= SERVED:
            self.close()
            self._start()
        self._served += 1
        try:
            self._pipe.send((number, seed))
            if self._pipe.poll(limit_s):
                return self._pipe.recv()
            outcome = "hang", f"after {limit_s:g} s"
        except (EOFError, OSError):
            self._process.join(5)
            outcome = "crash", f"exit code {self._process.exitcode}"
        self.close()
        self._start()
        return outcome

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def fuzz(
    seconds: float,
    *,
    targets: tuple[Target, ...] = TARGETS,
    first: int = 0,
    inputs: int | None = None,
    hang_s: float = HANG_S,
) -> Findings:
    """One input after another, of each target in turn, for so long or so many."""
    findings, worker, began = Findings(), Worker(), time.monotonic()
    seed = first
    try:
        for target in targets:  # which also compiles the kernels, once
            outcome, words = worker.run(TARGETS.index(target), -1, COMPILING_S)
            if outcome != "accepted":
                findings.add(target.name, -1, "good file: " + outcome, words)
        while time.monotonic() - began < seconds:
            for target in targets:
                found = worker.run(TARGETS.index(target), seed, hang_s)
                findings.add(target.name, seed, *found)
                done = sum(findings.outcomes.values())
                if time.monotonic() - began > seconds or (inputs and done >= inputs):
                    return findings
            seed += 1
    finally:
        worker.close()
    return findings


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--target", action="append", help="only these, by a part of their name")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--inputs", type=int, help="so many and no more")
    parser.add_argument("--keep", type=Path, help="where inputs that were findings are written")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    targets = tuple(
        target
        for target in TARGETS
        if not chosen.target or any(part in target.name for part in chosen.target)
    )
    findings = fuzz(chosen.seconds, targets=targets, first=chosen.seed, inputs=chosen.inputs)
    for name, found in findings.by_target.items():
        print(f"{name}: {', '.join(f'{count} {what}' for what, count in found.most_common())}")
    print("\n".join(findings.bad))
    print(
        f"{sum(findings.outcomes.values())} inputs: "
        + ", ".join(f"{count} {what}" for what, count in findings.outcomes.most_common())
    )
    if chosen.keep is not None and findings.bad:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        for line in findings.bad:
            name, _, rest = line.partition(", seed ")
            target = next(each for each in TARGETS if each.name == name)
            if "crash" not in rest and "hang" not in rest:
                outcome_of(target, int(rest.split(":")[0]), chosen.keep)
    if chosen.json:
        chosen.json.write_text(
            json.dumps(dict(findings.outcomes) | {"bad": findings.bad}, indent=1)
        )
    sys.exit(bool(findings.bad))


if __name__ == "__main__":
    main()
