"""Every name that code reads is defined: ruff's F821 and pyright's check are off, as they take
jaxtyping's shapes ("b n 3") for names."""

import builtins
import symtable
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from tables(child)


def undefined(source: str) -> set[str]:
    module = symtable.symtable(source, "module", "exec")
    symbols = [(each is module, symbol) for each in tables(module) for symbol in each.get_symbols()]
    defined = {
        symbol.get_name()
        for outside, symbol in symbols
        if (outside or symbol.is_declared_global())
        and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace())
    }
    read = {
        symbol.get_name()
        for outside, symbol in symbols
        if symbol.is_referenced() and (outside or symbol.is_global())
    }
    ours = {name for name in read if not name.startswith("__")}  # __file__ and its like
    return ours - defined - set(dir(builtins))


def test_a_name_that_nobody_defines_is_found() -> None:
    source = "import a\ndef f(b):\n    global c\n    c = a\n    return [d for d in b if e(c)]\n"
    assert undefined(source) == {"e"}


@pytest.mark.parametrize("folder", ["src", "tests", "tools", "benchmarks", "examples"])
def test_every_name_that_is_read_is_defined(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    found = {path.name: names for path in files if (names := undefined(path.read_text()))}
    assert files
    assert not found
