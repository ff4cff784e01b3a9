"""The command line: `instag COMMAND`."""

from instag.cli.commands import app


def main() -> None:
    """Run the command that `sys.argv` names; exits with 0, 1 (the work failed), 2 (bad arguments) or 130 (Ctrl-C)."""
    app()


__all__ = ["app", "main"]
