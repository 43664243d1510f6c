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


def make_call(model: bytes, x: np.ndarray, outputs: dict[str, int]):
    """A call with inputs and outputs bound once (the quickest way from Python), and where its results appear."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = OPTIONS.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    arrays = {name: np.zeros((1, n), np.float32) for name, n in outputs.items()}
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    results = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}
    for name, value in results.items():
        binding.bind_ortvalue_output(name, value)
    return lambda: session.run_with_iobinding(binding), results


def latency() -> None:
    parameters = w.parameters(w.QUICKSTART)
    outputs = {"mu": LATENT, "logvar": LATENT}
    split = helper.make_node("Split", ["y"], list(outputs), axis=1, num_outputs=2)
    encode, results = make_call(make_model(parameters[:4], split, FEATURES, outputs), w.images(w.QUICKSTART, 1),
                                outputs)
    encode()
    w.print_latency(PEER, "encode", encode, float(sum(np.abs(r.numpy()).sum() for r in results.values())))

    outputs = {"mean": FEATURES}
    sigmoid = helper.make_node("Sigmoid", ["y"], ["mean"])
    decode, results = make_call(make_model(parameters[4:], sigmoid, LATENT, outputs), w.latent_vector(), outputs)
    decode()
    w.print_latency(PEER, "decode", decode, float(results["mean"].numpy().sum()))


if __name__ == "__main__":
    w.print_version("ONNX Runtime", onnxruntime.__version__)
    w.run({"latency": latency})
