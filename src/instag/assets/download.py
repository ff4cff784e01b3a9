"""A download: one file from the web, complete and with the right digest, or not at all. A broken
one resumes."""

import shutil
import ssl
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from instag.errors import AssetDamaged, AssetMissing, BadArgument, DiskFull
from instag.runtime.files import sha256_of
from instag.runtime.progress import Report, silent
from instag.runtime.write_errors import explain_disk_full

CHUNK = 1 << 18
TIMEOUT_S = 30.0
MIB = 1 << 20
BROKEN_NETWORK = (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError)


def download(address: str, target: Path, *, sha256: str = "", report: Report = silent) -> None:
    """Fetch `address` (http or https) into `target`. What an earlier attempt has left, in a .part
    file beside it, is completed.

    sha256: the digest in hexadecimal; nothing is checked where it is empty.
    `report` gets (bytes, bytes in all). Raises BadArgument, AssetMissing (no answer, a refusal, a
    connection that broke), AssetDamaged (another digest), DiskFull.
    """
    if not address.startswith(("http://", "https://")):
        raise BadArgument(
            f"{address} is not an address on the web. It must start with https:// or http://."
        )
    part = target.with_name(f".{target.name}.part")
    with explain_disk_full(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _complete(address, part, report)
        except HTTPError as error:
            error.close()
            raise AssetMissing(
                f"{address} could not be downloaded: the server says {error.code} {error.reason}. "
                "Try again later."
            ) from error
        except BROKEN_NETWORK as error:
            kept = (
                f" {part.stat().st_size / MIB:.1f} MiB are here already and need not be sent again."
                if part.is_file()
                else ""
            )
            reason = getattr(error, "reason", None) or error
            raise AssetMissing(
                f"{address} could not be downloaded: {reason}. Check the network and run the same "
                f"command again.{kept}"
            ) from error
        _check_digest(part, sha256, address)
        part.replace(target)


def _complete(address: str, part: Path, report: Report) -> None:
    """Complete the partial file. Raises what the network raises, DiskFull."""
    start = part.stat().st_size if part.is_file() else 0
    try:
        response = _request(address, start)
    except HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        error.close()
        if (
            error.headers.get("Content-Range") == f"bytes */{start}"
        ):  # complete: only the renaming was missing
            return
        start, response = 0, _request(address, 0)
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT or not (
            response.headers.get("Content-Range") or ""
        ).startswith(f"bytes {start}-"):
            start = 0
        length = int(response.headers.get("Content-Length") or 0)
        free = shutil.disk_usage(part.parent).free
        if length > free:
            raise DiskFull(
                f"{address} needs {length / MIB:.0f} MiB and {part.parent} has {free / MIB:.0f} "
                "MiB free. Free some space there and run it again."
            )
        done, total = start, start + length
        with part.open("ab" if start else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                report(done, max(done, total))
    if length and done < total:
        raise ConnectionError(
            f"the connection broke after {done / MIB:.1f} of {total / MIB:.1f} MiB"
        )


def _request(address: str, start: int) -> HTTPResponse:
    """The caller has checked the address's scheme."""
    headers = {"User-Agent": "instag", **({"Range": f"bytes={start}-"} if start else {})}
    return urlopen(Request(address, headers=headers), timeout=TIMEOUT_S)  # noqa: S310


def _check_digest(part: Path, sha256: str, address: str) -> None:
    if not sha256:
        return
    found = sha256_of(part)
    if found != sha256:
        length = part.stat().st_size
        part.unlink()
        raise AssetDamaged(
            f"What came from {address} is not the published file: {length:,} bytes, SHA-256 "
            f"{found[:16]}..., not {sha256[:16]}... "
            "It was deleted. Try again; if it stays so, the file there has changed or something in "
            "between replaces it."
        )
