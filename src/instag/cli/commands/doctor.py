"""`instag doctor`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from instag.cli.terminal import Terminal

if TYPE_CHECKING:
    from instag.doctor import Check

MARKS = {"ok": "[green]ok  [/]", "optional": "[yellow]-   [/]", "broken": "[red]FAIL[/]"}
"""How a line begins, by the check's state."""


def doctor(terminal: Terminal) -> None:
    """Show what works on this machine, and the command that repairs what does not.

    Exits with 1 if a needed part does not work."""
    from instag.doctor import State, examine

    checks = examine()
    if terminal.as_json:
        terminal.result("", {"checks": [asdict(check) for check in checks]})
    elif not terminal.quiet:
        _show(checks)
    raise typer.Exit(int(any(check.state is State.BROKEN for check in checks)))


def _show(checks: "Sequence[Check]") -> None:
    """The verdict, a line for each needed part, then one for each optional part that is lacking;
    under what does not work, the command that repairs it."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in checks)

    def show(check: "Check") -> None:
        console.print(
            f"{MARKS[check.state.value]} {escape(f'{check.name:<{width}}')}  {escape(check.found)}"
        )
        if check.mend:
            console.print(f"     {'':<{width}}  mend: {escape(check.mend)}")

    console.print(verdict(checks) + "\n")
    optional = [check for check in checks if check.state.value == "optional"]
    for check in checks:
        if check not in optional:
            show(check)
    if optional:
        console.print("\nOptional, and not here:")
    for check in optional:
        show(check)


def verdict(checks: "Sequence[Check]") -> str:
    """Whether all that is needed works, in a sentence."""
    broken = [check.name for check in checks if check.state.value == "broken"]
    if not broken:
        return "All is well: heads can be learned and can speak on this machine."
    return f"Not all is well: mend {', '.join(broken)} first."
