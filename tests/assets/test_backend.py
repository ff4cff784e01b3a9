"""Backend tables: rows are found by name, and what a row lacks is said with its remedy."""

import pytest

from instag.assets import backend
from instag.assets.backend import Backend, missing_packages, named, names, obstacle
from instag.errors import BadArgument

TABLE = (
    Backend(name="plain", help="needs nothing", load=lambda: 1),
    Backend(name="learned", help="reads a file", load=lambda: 2, assets=("lpips",)),
    Backend(name="fast", help="imports a package", load=lambda: 3, extra="gpu"),
)


def test_rows_are_found_by_name() -> None:
    assert names(TABLE) == ("plain", "learned", "fast")
    assert named(TABLE, "learned").load() == 2


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(BadArgument, match=r"renderer .slow.*plain, learned, fast"):
        named(TABLE, "slow", noun="renderer")


def test_what_is_missing_is_said_with_its_remedy(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(backend.store, "folders", lambda: [tmp_path])
    monkeypatch.setattr(backend, "_installed", lambda package: False)
    plain, learned, fast = TABLE
    assert obstacle(plain) is None
    assert "instag assets get lpips" in str(obstacle(learned))
    assert 'pip install "instag[gpu]"' in str(obstacle(fast))


def test_nothing_is_missing_once_it_is_there(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(backend.store, "folders", lambda: [tmp_path])
    monkeypatch.setattr(backend, "_installed", lambda package: True)
    (tmp_path / backend.store.named("lpips").file).touch()
    assert [obstacle(row) for row in TABLE] == [None, None, None]


def test_an_extra_names_its_packages(monkeypatch) -> None:
    requires = ["torch>=2", "gsplat>=1.5.3; extra == 'gpu'", 'ruff<1 ; extra == "dev"']
    monkeypatch.setattr(backend.metadata, "requires", lambda name: requires)
    monkeypatch.setattr(backend, "_installed", lambda package: False)
    assert missing_packages("gpu") == ["gsplat"]
    assert missing_packages("app") == []
