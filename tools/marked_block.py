"""A block of a document that a tool writes: the lines between `<!-- NAME: begin -->` and
`<!-- NAME: end -->`."""


def marks(name: str) -> tuple[str, str]:
    """The lines around a block."""
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def block_of(page: str, name: str) -> str | None:
    """What a block holds; None where the page has not both of its marks, once each."""
    begin, end = marks(name)
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin):
        return None
    return page.split(begin)[1].split(end)[0]


def with_block(page: str, name: str, text: str) -> str:
    """The page with another text in its block. Raises ValueError where it has none."""
    begin, end = marks(name)
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return before + begin + text + end + after
