"""The forms that model files have, and how to tell without running anything that a file has one of
them."""

import zipfile
from enum import StrEnum
from pathlib import Path


class Form(StrEnum):
    """tensors: read by name. torchscript: a network with its code, run by torch. tflite: one
    network of TensorFlow Lite. onnx: one network as ONNX."""

    TENSORS = "tensors"
    TORCHSCRIPT = "torchscript"
    TFLITE = "tflite"
    ONNX = "onnx"


MEMBERS = {Form.TORCHSCRIPT: ("/data.pkl", "/constants.pkl")}
"""Ends of the names of what each zip archive holds."""


def what_is_wrong(path: Path, form: Form) -> str:
    """Why a whole file is not of the form, as part of a sentence; empty where it is."""
    if form is Form.TFLITE:
        with path.open("rb") as file:
            return "" if file.read(8)[4:] == b"TFL3" else "it is no tflite file"
    if form is Form.ONNX:
        with path.open("rb") as file:
            return (
                "" if file.read(1) == b"\x08" else "it is no ONNX file"
            )  # the first field: which version of the format
    if not zipfile.is_zipfile(path):
        return f"it is no {form} archive"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    missing = [end for end in MEMBERS[form] if not any(f"/{name}".endswith(end) for name in names)]
    return f"there is no {missing[0].strip('/.')} in it" if missing else ""
