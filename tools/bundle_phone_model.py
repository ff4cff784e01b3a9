"""Make `src/instag/bundled/phones_en_us.npz` from the acoustic model in the pocketsphinx wheel: its
context-independent part alone.

    python tools/bundle_phone_model.py SITE_PACKAGES/pocketsphinx/model/en-us/en-us

The model is phonetically tied: each phone has 128 Gaussians for each of three parts of the features
(cepstra, their first and second differences), and each of its three states mixes them in its own
way. The 5,000 states of phones in context are left out.
"""

import struct
import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[1] / "src" / "instag" / "bundled" / "phones_en_us.npz"
PARTS, GAUSSIANS, WIDTH, STATES = 3, 128, 13, 3
MAGIC = 0x11223344
LOG_UNIT = 1024 * np.log(1.0001)
"""A byte of `sendump` is a negative logarithm to the base 1.0001, divided by 1024."""
LEAST_VARIANCE = 0.02
"""Of the median of all Gaussians in the same dimension. A few collapsed on digital silence in
training; they would take it for a ZH."""


def gaussians(path: Path, phones: int) -> np.ndarray:
    """An s3 file of means or variances: [phones, parts, gaussians, width]."""
    data = path.read_bytes()
    start = data.index(b"endhdr\n") + len(b"endhdr\n")
    magic, *shape = struct.unpack_from("<4i", data, start)
    assert (magic, *shape) == (MAGIC, phones, PARTS, GAUSSIANS), (path, shape)
    values = np.frombuffer(
        data, "<f4", phones * PARTS * GAUSSIANS * WIDTH, start + 4 * (4 + PARTS + 1)
    )
    return values.reshape(phones, PARTS, GAUSSIANS, WIDTH)


def described(path: Path) -> list[str]:
    """Names of the phones, from the binary model definition; the states of phone p are 3p ..
    3p+2."""
    data = path.read_bytes()
    assert data[:4] == b"BMDF", path
    start = 12 + struct.unpack_from("<i", data, 8)[0]
    phones = struct.unpack_from("<10i", data, start)[0]
    return [name.decode() for name in data[start + 40 :].split(b"\0", phones)[:phones]]


def mixtures(path: Path, phones: int) -> np.ndarray:
    """Negative log weights of the first states, in LOG_UNIT: [parts, gaussians, states]."""
    data, at = path.read_bytes(), 0
    while length := struct.unpack_from("<i", data, at)[0]:
        at += 4 + length
    rows, states = struct.unpack_from("<2i", data, at + 4)
    assert rows == GAUSSIANS, rows
    weights = np.frombuffer(data, np.uint8, PARTS * rows * states, at + 12).reshape(
        PARTS, rows, states
    )
    return weights[:, :, : STATES * phones]


def main(folder: Path) -> None:
    names = described(folder / "mdef")
    means = gaussians(folder / "means", len(names))
    variances = gaussians(folder / "variances", len(names))
    variances = np.maximum(
        variances, LEAST_VARIANCE * np.median(variances, axis=(0, 2), keepdims=True)
    )
    log_weights = -LOG_UNIT * mixtures(folder / "sendump", len(names)).astype(np.float32)
    assert abs(np.exp(log_weights).sum(1).mean() - 1) < 0.1, "the mixtures' weights do not add up"
    np.savez_compressed(
        TARGET,
        names=np.array(names),
        means=means.astype(np.float16),
        log_variances=np.log(variances).astype(np.float16),
        log_weights=log_weights.reshape(PARTS, GAUSSIANS, len(names), STATES)
        .transpose(2, 0, 1, 3)
        .astype(np.float16),
    )
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes, {len(names)} phones: {' '.join(names)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
