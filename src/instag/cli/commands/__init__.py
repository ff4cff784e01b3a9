"""One command a file: the command `import-clip` is the function `import_clip` of `import_clip.py`.

Its docstring is what `--help` says, and its parameters are options; those that are dataclasses are
unfolded (`instag.cli.option_groups`).
"""
