# SPDX-License-Identifier: MIT
"""ONNX Runtime: latency of encoding one image and of decoding one latent vector."""
import workloads as w
from options import OPTIONS

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

PEER = "ONNX Runtime"
LATENT = w.QUICKSTART.latent
FEATURES = w.QUICKSTART.features


def make_model(layers: list[np.ndarray], last: onnx.NodeProto, inputs: int, outputs: dict[str, int]) -> bytes:
    """Two dense layers with a ReLU between, then `last` from "y" to the outputs (name: columns)."""
    names = ["w1", "b1", "w2", "b2"]
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["a"], transB=1),
            helper.make_node("Relu", ["a"], ["h"]),
            helper.make_node("Gemm", ["h", "w2", "b2"], ["y"], transB=1),
            last,
        ],
        "part",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in outputs.items()],
        [numpy_helper.from_array(values, name) for values, name in zip(layers, names, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class Part:
    """Encoder or decoder, with inputs and outputs bound once: the quickest way from Python."""

    def __init__(self, model: bytes, rows: np.ndarray, outputs: dict[str, int]):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = OPTIONS.threads
        settings.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        self.inputs = [onnxruntime.OrtValue.ortvalue_from_numpy(row[None, :]) for row in rows]
        self.outputs = {name: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((1, n), np.float32))
                        for name, n in outputs.items()}
        self.bindings = []
        for value in self.inputs:
            binding = self.session.io_binding()
            binding.bind_ortvalue_input("x", value)
            for name, output in self.outputs.items():
                binding.bind_ortvalue_output(name, output)
            self.bindings.append(binding)

    def __call__(self, row: int) -> dict[str, np.ndarray]:
        self.session.run_with_iobinding(self.bindings[row])
        return self.outputs

    def print_latency(self, name: str) -> None:
        check = sum(float(np.abs(output.numpy()).sum()) for i in range(len(self.bindings)) for output in self(i).values())
        w.print_latency(PEER, name, self, len(self.bindings), check)


def print_latency(kind: str, parameters: list[np.ndarray], images: np.ndarray, latents: np.ndarray | None) -> None:
    """Latency of single rows of `images` and `latents`, the posterior means of the images where it is None."""
    outputs = {"mu": LATENT, "logvar": LATENT}
    split = helper.make_node("Split", ["y"], list(outputs), axis=1, num_outputs=2)
    encoder = Part(make_model(parameters[:4], split, FEATURES, outputs), images, outputs)
    encoder.print_latency(f"encode, {kind}")
    if latents is None:
        latents = np.concatenate([encoder(i)["mu"].numpy().copy() for i in range(len(images))])
    outputs = {"mean": FEATURES}
    sigmoid = helper.make_node("Sigmoid", ["y"], ["mean"])
    Part(make_model(parameters[4:], sigmoid, LATENT, outputs), latents, outputs).print_latency(f"decode, {kind}")


def latency() -> None:
    print_latency("random weights", w.parameters(w.QUICKSTART), w.images(w.QUICKSTART, 1), w.latent_vector())
    if trained := w.trained(w.QUICKSTART):
        print_latency("trained", *trained, None)


if __name__ == "__main__":
    w.print_version("ONNX Runtime", onnxruntime.__version__)
    w.run({"latency": latency})
