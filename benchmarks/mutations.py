"""Mutations: damaged and hostile variants of a file, each the same for the same seed.

Bytes are changed anywhere; in archives, JSON and safetensors also what lies behind their own
checksums and headers.
"""

import io
import json
import random
import re
import struct
import zipfile
from contextlib import suppress

import numpy as np
import torch
from safetensors.torch import load, save

INTERESTING = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    2**32 - 1,
)
NUMBERS = (
    *(0, -1, 1, 2, 3, 63, 64.5, 65, 4097, 40_000, 10**8, 10**9, 2**31, 2**63, 10**30),
    *(float("nan"), float("inf"), float("-inf"), 1e300, 1e-300, 0.5),
)
VALUES = (
    *NUMBERS,
    None,
    True,
    "",
    "x",
    "</title><script>",
    "\u0000",
    "../../x",
    [],
    {},
    [[]],
    "9" * 5000,
)

Random = random.Random


def mutated(data: bytes, chance: Random) -> bytes:
    """One to three mutations, of the file's own kind where it has one."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        kinds = [change_bytes]
        if data[:2] == b"PK":
            kinds += [change_member] * 4
        elif data[:1] in b"{[" and data[:1]:
            kinds += [change_json] * 3
        elif is_safetensors(data):
            kinds += [change_tensors] * 3
        elif data[:6] == b"\x93NUMPY":
            kinds += [change_npy] * 3
        elif data[:256].isascii() and b"\x00" not in data[:256]:
            kinds += [change_number] * 2
        data = chance.choice(kinds)(data, chance)
    return data


def change_bytes(data: bytes, chance: Random) -> bytes:
    """Flip, set, insert, remove, repeat or cut off."""
    if not data:
        return chance.randbytes(chance.randrange(40))
    found, at = bytearray(data), place(data, chance)
    length = min(len(data) - at, chance.choice((1, 2, 4, 8, 16, 64, 1024)))
    what = chance.randrange(9)
    if what == 0:
        found[at] ^= 1 << chance.randrange(8)
    elif what == 1:
        found[at : at + length] = chance.randbytes(length)
    elif what == 2:
        number = chance.choice(INTERESTING)
        packed = struct.pack(chance.choice(("<Q", ">Q")), number)
        width = chance.choice((1, 2, 4, 8))
        found[at : at + width] = packed[:width] if number < 2**32 else packed[-width:]
    elif what == 3:
        found[at:at] = chance.randbytes(length)
    elif what == 4:
        del found[at : at + length]
    elif what == 5:
        found[at:at] = found[at : at + length] * chance.choice((1, 2, 50))
    elif what == 6:
        del found[at:]
    elif what == 7:
        other = place(data, chance)
        found[at : at + length] = data[other : other + length]
    else:
        found[at : at + length] = bytes([chance.choice((0, 0xFF))]) * length
    return bytes(found)


def place(data: bytes, chance: Random) -> int:
    """Anywhere, but often near the two ends, where headers are."""
    where = chance.randrange(4)
    most = len(data) - 1
    if where == 0:
        return min(most, chance.randrange(64))
    if where == 1:
        return max(0, most - chance.randrange(256))
    return chance.randrange(len(data))


def change_member(data: bytes, chance: Random) -> bytes:
    """Of a zip: mutate one member and write it with a true checksum, or lose or double one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except Exception:  # noqa: BLE001 - an earlier mutation may have hit it
        return change_bytes(data, chance)
    if not members:
        return change_bytes(data, chance)
    name = chance.choice(list(members))
    # Small members are the headers, of which there is one among many frames.
    name = min(name, chance.choice(list(members)), key=lambda each: "/" in each)
    what = chance.randrange(12)
    if what == 0:
        del members[name]
    elif what == 1:
        members[name] = chance.choice(list(members.values()))
    elif what == 2:
        members[name] = b""
    elif what == 3:
        members[chance.choice(("extra.bin", "../out.txt", "/etc/x", name + "x"))] = b"x"
    else:
        members[name] = mutated(members[name], chance)
    packed = io.BytesIO()
    kind = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(packed, "w", kind) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return packed.getvalue()


def change_json(data: bytes, chance: Random) -> bytes:
    """Replace, lose or add one value anywhere in a tree."""
    try:
        content = json.loads(data)
    except ValueError:
        return change_bytes(data, chance)
    if not isinstance(content, dict | list) or not content:
        return json.dumps(chance.choice(VALUES)).encode()
    here = content
    while True:
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
        inner = here[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.3:
            break
        here = inner
    what = chance.randrange(8)
    if what == 0:
        del here[key]
    elif what == 1 and isinstance(here, dict):
        here[chance.choice(("unknown", "", "focal", "size"))] = chance.choice(VALUES)
    else:
        here[key] = chance.choice(VALUES)
    return json.dumps(content).encode()


def is_safetensors(data: bytes) -> bool:
    return len(data) > 9 and data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data)


def change_tensors(data: bytes, chance: Random) -> bytes:
    """Numbers that are not finite or huge, other shapes and types, tensors lost or more."""
    try:
        tensors = load(data)
    except Exception:  # noqa: BLE001 - as above
        return change_bytes(data, chance)
    if not tensors:
        return change_bytes(data, chance)
    name = chance.choice(list(tensors))
    value = tensors[name].clone()
    what = chance.randrange(9)
    if what == 0:
        del tensors[name]
    elif what == 1:
        tensors["more"] = torch.zeros(3)
    elif what in (2, 3, 4) and value.is_floating_point() and value.numel():
        bad = chance.choice((float("nan"), float("inf"), float("-inf"), 1e30, -1e30))
        flat = value.view(-1)
        flat[chance.randrange(len(flat)) if what < 4 else slice(None)] = bad
        tensors[name] = value
    elif what == 5 and value.dim():
        tensors[name] = value[: chance.randrange(len(value) + 1)].contiguous()
    elif what == 6:
        tensors[name] = torch.cat([value, value]) if value.dim() else value.repeat(3)
    elif what == 7:
        kind = chance.choice((torch.float16, torch.float64, torch.int32, torch.bool, torch.uint8))
        tensors[name] = value.to(kind)
    else:
        tensors[name] = value.reshape(-1)
    return save(tensors)


def change_npy(data: bytes, chance: Random) -> bytes:
    """Of an array the numbers, the shape or the type."""
    try:
        array = np.load(io.BytesIO(data))
    except Exception:  # noqa: BLE001 - as above
        return change_bytes(data, chance)
    what = chance.randrange(6)
    if what in (0, 1) and array.dtype.kind == "f" and array.size:
        array = array.copy()
        bad = chance.choice((np.nan, np.inf, -np.inf, 1e30))
        array.reshape(-1)[chance.randrange(array.size) if what else slice(None)] = bad
    elif what == 2 and array.ndim:
        array = array[: chance.randrange(len(array) + 1)]
    elif what == 3:
        array = array.reshape(-1)
    elif what == 4:
        array = np.concatenate([array, array]) if array.ndim else np.stack([array] * 3)
    else:
        kind = chance.choice(("f2", "f8", "i8", "?", "c8", "S3", "U2"))
        with np.errstate(all="ignore"), suppress(ValueError, TypeError):
            array = array.astype(kind)
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def change_number(data: bytes, chance: Random) -> bytes:
    """One number of a text."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", data))
    if not found:
        return change_bytes(data, chance)
    match = chance.choice(found)
    return data[: match.start()] + str(chance.choice(NUMBERS)).encode() + data[match.end() :]
