"""`python -m instag`, the command line without its script."""

from instag.cli import main

main()
