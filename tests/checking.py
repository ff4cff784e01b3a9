"""The checker of types at calls: beartype, with an int where a float is asked for, as type checkers have it (PEP 484)."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
