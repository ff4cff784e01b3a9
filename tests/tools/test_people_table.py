"""The table of people."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from people_table import read_people

TABLE = """file,person,delay_ms
a_1.mp4,a,40
a_2.mp4,a,60
a_3.mp4,a,
b_same_as_c_1.mp4,b_same_as_c,-5
d_1.mp4,d,
"""


def test_people_and_delays(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    table = read_people(path)
    assert [table.delay_ms(name) for name in ("a_1", "a_3", "d_1", "e")] == [40, 50, 0, 0]
    assert table.person("a_2") == table.person("a_3") == "a"
    assert table.person("b_same_as_c_1") == "c"
    assert table.person("l3a", ["l3"]) == "l3"
    assert read_people(None).person("x") == "x"
