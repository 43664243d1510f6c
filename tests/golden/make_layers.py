#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the golden files of the layers beside itself: python3 tests/golden/make_layers.py

Needs torch (2.13.0 made the files in the repository) and safetensors (0.8.0). Inputs are stored in float32, so that
a test in float and one in double start from the same numbers; expected results are computed and stored in float64.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import functional

FOLDER = pathlib.Path(__file__).parent
ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
}


def save(name, inputs, expected):
    tensors = {key: value.detach().float().contiguous() for key, value in inputs.items()}
    tensors |= {key: value.detach().double().contiguous() for key, value in expected.items()}
    save_file(tensors, FOLDER / f"{name}.safetensors")


def randn(generator, *shape, scale=1.0):
    """Normal values that float32 holds exactly, in float64."""
    return (scale * torch.randn(*shape, generator=generator)).float().double()


def gradients(prefix, y, dy, leaves):
    """The output, and the gradient of sum(y * dy) with respect to each leaf."""
    result = {f"{prefix}.y": y}
    for name, gradient in zip(leaves, torch.autograd.grad(y, list(leaves.values()), dy), strict=True):
        result[f"{prefix}.d{name}"] = gradient
    return result


def dense():
    """Fused with each activation, and once without a bias."""
    g = torch.Generator().manual_seed(1)
    inputs = {"x": randn(g, 5, 7), "weight": randn(g, 6, 7), "bias": randn(g, 6), "dy": randn(g, 5, 6)}
    x, weight, bias = (inputs[name].requires_grad_() for name in ("x", "weight", "bias"))
    expected = {}
    for name, function in ACTIVATIONS.items():
        y = function(functional.linear(x, weight, bias))
        expected |= gradients(name, y, inputs["dy"], {"x": x, "weight": weight, "bias": bias})
    y = torch.tanh(functional.linear(x, weight))
    expected |= gradients("without_bias", y, inputs["dy"], {"x": x, "weight": weight})
    save("dense", inputs, expected)


def gated_dense():
    """With each of three activations before the gate."""
    g = torch.Generator().manual_seed(4)
    inputs = {"x": randn(g, 5, 7), "dy": randn(g, 5, 6)}
    for part in ("h", "g"):
        inputs |= {f"{part}.weight": randn(g, 6, 7), f"{part}.bias": randn(g, 6)}
    leaves = {name: inputs[name].requires_grad_() for name in inputs if name != "dy"}
    expected = {}
    for name in ("identity", "tanh", "gelu"):
        value = ACTIVATIONS[name](functional.linear(leaves["x"], leaves["h.weight"], leaves["h.bias"]))
        y = value * torch.sigmoid(functional.linear(leaves["x"], leaves["g.weight"], leaves["g.bias"]))
        expected |= gradients(name, y, inputs["dy"], leaves)
    save("gated_dense", inputs, expected)


def activations():
    """Over [-8, 8], with 0 among the arguments."""
    g = torch.Generator().manual_seed(2)
    x = (torch.arange(129, dtype=torch.float64) / 8 - 8).reshape(3, 43).requires_grad_()
    dy = randn(g, 3, 43)
    expected = {}
    for name, function in ACTIVATIONS.items():
        expected |= gradients(name, function(x), dy, {"x": x})
    save("activations", {"x": x, "dy": dy}, expected)


def layer_norm():
    """With the default epsilon, and with one that matters."""
    g = torch.Generator().manual_seed(3)
    inputs = {"x": (3 + randn(g, 4, 13, scale=2)).float().double(), "weight": randn(g, 13), "bias": randn(g, 13),
              "dy": randn(g, 4, 13)}  # fmt: skip
    x, weight, bias = (inputs[name].requires_grad_() for name in ("x", "weight", "bias"))
    expected = {}
    for name, epsilon in {"default": 1e-5, "large_epsilon": 0.5}.items():
        y = functional.layer_norm(x, (13,), weight, bias, epsilon)
        expected |= gradients(name, y, inputs["dy"], {"x": x, "weight": weight, "bias": bias})
    save("layer_norm", inputs, expected)


if __name__ == "__main__":
    dense()
    gated_dense()
    activations()
    layer_norm()
