"""Write docs/reference.md, the public names of instag with their signatures: python
tools/write_reference.py."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import instag
from instag.errors import InstagError
from instag.options import option_info

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
SOURCES = Path(instag.__file__).parent
HEAD = """# Reference

The public names of `instag`. This page is made from the sources by `python
tools/write_reference.py`; the docstrings there tell more. Shapes and units:
[conventions.md](conventions.md).

Everything else may change between versions. What extensions build on are the seams of
[architecture.md](architecture.md#seams).
"""


def page() -> str:
    """All of the page."""
    named = {name: getattr(instag, name) for name in instag.__all__ if name != "__version__"}
    errors = {name for name, value in named.items() if is_error(value)}
    functions = [name for name, value in named.items() if inspect.isfunction(value)]
    classes = [name for name in named if name not in errors and name not in functions]
    return "\n".join(
        [
            HEAD,
            "## Functions\n",
            *(function_section(name, named[name]) for name in functions),
            "## Classes\n",
            *(class_section(name, named[name]) for name in classes),
            "## Errors\n",
            "Each message is a sentence that states what is wrong, where, and what to do next.\n",
            *tree(InstagError, errors),
            "",
        ]
    )


def is_error(value: Any) -> bool:
    """Whether it is one of the errors."""
    return inspect.isclass(value) and issubclass(value, InstagError)


def function_section(name: str, function: Any) -> str:
    """Its signature and the first paragraph of its docstring."""
    signature = signature_of(definition(function.__module__, name), f"instag.{name}")
    return f"### {name}\n\n{code(signature)}\n\n{wrapped(paragraphs(function)[0])}\n"


def class_section(name: str, cls: Any) -> str:
    """What it is; the options of a class of options, else how it is made and its methods."""
    options = list(option_lines(cls)) if is_dataclass(cls) else []
    told = paragraphs(cls) if options else paragraphs(cls)[:1]
    lines = [f"### {name}\n", f"`{cls.__module__}.{name}`\n"]
    lines += [f"{wrapped(each)}\n" for each in told]
    if options:
        return "\n".join([*lines, "| option | default | meaning |\n|---|---|---|", *options, ""])
    return "\n".join([*lines, *members(cls)])


def option_lines(cls: Any) -> Iterator[str]:
    """A line for each field of a class of options."""
    for field in fields(cls):
        info = option_info(field)
        default = field.default
        meaning = "" if info is None else info.full_help.replace("|", "\\|")
        if info is None and not any(map(option_info, fields(cls))):
            return
        yield f"| `{field.name}` | `{default!r}` | {meaning} |"


def members(cls: Any) -> list[str]:
    """How it is made where it has an `__init__` of its own, then its fields and public methods."""
    body = definition(cls.__module__, cls.__name__).body
    named = [ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)]
    methods = [node for node in body if isinstance(node, ast.FunctionDef)]
    lines = [
        f"{code(signature_of(node, f'instag.{cls.__name__}'))}\n"
        for node in methods
        if node.name == "__init__"
    ]
    if named:
        lines.append(f"{wrapped('Fields: ' + ', '.join(f'`{name}`' for name in named) + '.')}\n")
    listed = [method_line(node) for node in methods if not node.name.startswith("_")]
    return [*lines, *listed, *([""] if listed else [])]


def method_line(node: ast.FunctionDef) -> str:
    """A method, or a property, with the first paragraph of its docstring."""
    told = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    text = f"- `{node.name}{arguments(node)}`" + (f": {told}" if told else "")
    return wrapped(text, indent="  ")


def arguments(node: ast.FunctionDef) -> str:
    """Names of arguments without self; nothing for a property."""
    if "property" in map(ast.unparse, node.decorator_list):
        return ""
    spec = node.args
    keywords = [f"{each.arg}=" for each in spec.kwonlyargs]
    return f"({', '.join([*(each.arg for each in positional(node)), *keywords])})"


def positional(node: ast.FunctionDef) -> list[ast.arg]:
    """Its arguments before the keywords, without self."""
    spec = node.args
    return [each for each in (*spec.posonlyargs, *spec.args) if each.arg not in ("self", "cls")]


def signature_of(node: ast.stmt, name: str) -> str:
    """The signature of a function as its source has it, under this name."""
    assert isinstance(node, ast.FunctionDef)
    spec, names = node.args, positional(node)
    without = len(names) - len(spec.defaults)
    parts = parameters(names, [*[None] * without, *spec.defaults])
    keywords = parameters(spec.kwonlyargs, spec.kw_defaults)
    parts += ["*", *keywords] if keywords else []
    returns = (
        "" if node.name == "__init__" else f" -> {ast.unparse(node.returns or ast.Constant(None))}"
    )
    return f"{name}(\n{''.join(f'    {part},' + chr(10) for part in parts)}){returns}"


def parameters(names: Sequence[ast.arg], defaults: Sequence[ast.expr | None]) -> list[str]:
    """Names with annotations and defaults."""
    return [
        ast.unparse(name) + ("" if default is None else f" = {ast.unparse(default)}")
        for name, default in zip(names, defaults, strict=True)
    ]


def definition(module: str, name: str) -> ast.FunctionDef | ast.ClassDef:
    """The statement that defines a name in a module of instag."""
    path = SOURCES.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise LookupError(f"{path} does not define {name}.")


def paragraphs(value: Any) -> list[str]:
    """The paragraphs of a docstring, each in one line."""
    return [" ".join(part.split()) for part in (inspect.getdoc(value) or "").split("\n\n")]


def code(text: str) -> str:
    """A block of Python."""
    return f"```python\n{text}\n```"


def wrapped(text: str, indent: str = "", width: int = 100) -> str:
    """Lines of at most so many columns; those after the first are indented."""
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def tree(error: type[InstagError], public: set[str], depth: int = 0) -> list[str]:
    """An error and those derived from it, as a nested list."""
    text = f"- `{error.__name__}` (exit code {error.exit_code}): {paragraphs(error)[0]}"
    lines = [textwrap.indent(wrapped(text, indent="  ", width=100 - 2 * depth), "  " * depth)]
    derived = [each for each in error.__subclasses__() if each.__name__ in public]
    return lines + [line for each in derived for line in tree(each, public, depth + 1)]


if __name__ == "__main__":
    PAGE.write_text(page())
