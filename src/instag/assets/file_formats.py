"""The formats of model files, each recognised without running anything of the file."""

import zipfile
from enum import StrEnum
from pathlib import Path


class FileFormat(StrEnum):
    """tensors: read by name. torchscript: a network with its code, run by torch. tflite: one
    network of TensorFlow Lite. onnx: one network as ONNX."""

    TENSORS = "tensors"
    TORCHSCRIPT = "torchscript"
    TFLITE = "tflite"
    ONNX = "onnx"


MEMBERS = {FileFormat.TORCHSCRIPT: ("/data.pkl", "/constants.pkl")}
"""Ends of the names of what each zip archive holds."""


def format_error(path: Path, file_format: FileFormat) -> str:
    """Why a file is not of the format, as part of a sentence; empty where it is."""
    if file_format is FileFormat.TFLITE:
        with path.open("rb") as file:
            return "" if file.read(8)[4:] == b"TFL3" else "it is no tflite file"
    if file_format is FileFormat.ONNX:
        with path.open("rb") as file:
            return (
                "" if file.read(1) == b"\x08" else "it is no ONNX file"
            )  # the first field: which version of the format
    if not zipfile.is_zipfile(path):
        return f"it is no {file_format} archive"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        return f"it is a damaged archive ({error})"
    missing = [
        end for end in MEMBERS[file_format] if not any(f"/{name}".endswith(end) for name in names)
    ]
    return f"there is no {missing[0].strip('/.')} in it" if missing else ""
