"""Hair by MediaPipe's hair segmentation (hair_segmentation.tflite, a file of its own), laid over a
clip's regions.

The network sees the frame at 512 x 512 and, as a fourth channel, what it said of the frame before,
so that its answer is steady in time. Its pooling layers are MediaPipe's own, which only a graph
with MediaPipe's resolver can run. Tkachenka et al., "Real-time Hair Segmentation and Recoloring on
Mobile GPUs", 2019.
"""

from pathlib import Path
from typing import Any, final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.errors import AssetDamaged
from instag.perception.native_logs import native_logs_hidden

SIZE = 512
GRAPH = """
input_stream: "image"
output_stream: "mask"
node { calculator: "TensorConverterCalculator" input_stream: "IMAGE:image" output_stream: "TENSORS:seen"
  options { [mediapipe.TensorConverterCalculatorOptions.ext] { zero_center: false max_num_channels: 4 } } }
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:resolver"
  options { [mediapipe.TfLiteCustomOpResolverCalculatorOptions.ext] { use_gpu: false } } }
node { calculator: "InferenceCalculator" input_side_packet: "OP_RESOLVER:resolver" input_stream: "TENSORS:seen" output_stream: "TENSORS:answer"
  options { [mediapipe.InferenceCalculatorOptions.ext] { model_path: "MODEL" delegate { tflite {} } } } }
node { calculator: "ImagePropertiesCalculator" input_stream: "IMAGE:image" output_stream: "SIZE:size" }
node { calculator: "TensorsToSegmentationCalculator" input_stream: "TENSORS:answer" input_stream: "OUTPUT_SIZE:size" output_stream: "MASK:mask"
  options { [mediapipe.TensorsToSegmentationCalculatorOptions.ext] { activation: SOFTMAX output_layer_index: 1 } } }
"""


@final
class HairSegmenter:
    """MediaPipe's hair segmentation over the frames of one sequence. Use one in one thread, in a
    `with` block. Raises AssetDamaged."""

    def __init__(self, path: Path) -> None:
        from mediapipe import CalculatorGraph

        self._path, self._answers, self._count = path, [], 0
        self._before = np.zeros((SIZE, SIZE), np.float32)
        try:
            with native_logs_hidden():
                self._graph: Any = CalculatorGraph(
                    graph_config=GRAPH.replace("MODEL", str(path.resolve()))
                )
                self._graph.observe_output_stream("mask", self._keep)
                self._graph.start_run()
                self._answer(np.zeros((SIZE, SIZE, 4), np.uint8))
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise AssetDamaged(
                f"{path} is damaged or no hair segmentation ({reason}). Get it again: instag "
                "assets get hair"
            ) from error

    def __enter__(self) -> "HairSegmenter":
        return self

    def __exit__(self, *_: object) -> None:
        self._graph.close_all_packet_sources()
        self._graph.wait_until_done()

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """Probability of hair in [0, 1] of the next RGB frame of the sequence."""
        small = cv2.resize(
            frame,
            (SIZE, SIZE),
            interpolation=cv2.INTER_AREA if len(frame) > SIZE else cv2.INTER_LINEAR,
        )
        self._before = self._answer(
            np.dstack([small, (self._before * 255).round().astype(np.uint8)])
        )
        return np.clip(
            cv2.resize(self._before, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1
        )

    def _answer(self, seen: UInt8[np.ndarray, "s s 4"]) -> Float[np.ndarray, "s s"]:
        from mediapipe import ImageFormat, ImageFrame
        from mediapipe.python import packet_creator

        self._count += 1
        image = ImageFrame(image_format=ImageFormat.SRGBA, data=np.ascontiguousarray(seen))
        self._graph.add_packet_to_input_stream(
            "image", packet_creator.create_image_frame(image).at(self._count)
        )
        self._graph.wait_until_idle()
        return self._answers.pop()

    def _keep(self, _: str, packet: Any) -> None:
        from mediapipe.python import packet_getter

        self._answers.append(
            np.array(packet_getter.get_image(packet).numpy_view(), np.float32).reshape(SIZE, SIZE)
        )
