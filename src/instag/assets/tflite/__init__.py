"""TensorFlow Lite model files: read without TensorFlow, and written as ONNX."""
