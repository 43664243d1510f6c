#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same seed on 1, 2 and 3 threads: byte-identical checkpoints and pictures, equal metrics."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import (
    BARS,
    FOLDER,
    check,
    check_equal,
    finish,
    read_metrics,
    run,
    small_config,
    without_timing,
    write_config,
)

LAYERS = [
    {"type": "dense", "units": 70, "activation": "relu"},
    {"type": "layer_norm"},
    {"type": "dropout", "rate": 0.2},
    {"type": "dense", "units": 33, "activation": "gelu"},
]
# Sizes that no number of threads divides, batches large enough to be shared out.
DATA = {"train": {**BARS, "count": 333, "size": 13}, "validation_fraction": 0.1, "binarize": "stochastic"}
TRAINING = {"epochs": 3, "batch_size": 131, "gradient_clip": 5, "weight_average": 0.9}


def binary_files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".safetensors", ".png")
    }


for precision in ("float32", "float64"):
    config = write_config(
        f"{precision}.json",
        precision=precision,
        data=DATA,
        training=TRAINING,
        model={**small_config()["model"], "encoder": LAYERS, "decoder": LAYERS[:2]},
    )
    folders = {}
    for threads in (1, 2, 3):
        folders[threads] = FOLDER / f"{precision}-{threads}"
        run("train", config, "--out", folders[threads], "--threads", threads, "--quiet")
    expected = binary_files(folders[1])
    check_equal(
        sum(name.endswith(".safetensors") for name in expected),
        5,
        "last, best and three numbered checkpoints",
    )
    check(len({expected[name] for name in expected if "epoch-" in name}) == 3, "epochs differ")
    for threads in (2, 3):
        got = binary_files(folders[threads])
        check_equal(list(got), list(expected), f"files with {threads} threads")
        for name, data in expected.items():
            check(got[name] == data, f"{precision}, {threads} threads: {name} differs from that of 1 thread")
        check_equal(
            without_timing(read_metrics(folders[threads])),
            without_timing(read_metrics(folders[1])),
            f"metrics with {threads} threads",
        )

FAMILY = {
    "vector_quantized": {
        "latent": {"type": "vector_quantized", "positions": 3, "width": 5, "codes": 7},
        "prior": {"type": "codes"},
    },
    "concrete": {
        "latent": {"type": "concrete", "variables": 5, "classes": 3},
        "prior": {"type": "categorical", "classes": 3, "learned": True},
    },
    "von_mises_fisher": {"latent": {"type": "von_mises_fisher", "dim": 7}, "prior": {"type": "sphere"}},
    "poincare": {"latent": {"type": "poincare", "dim": 5}, "prior": {"type": "wrapped_normal"}},
    "flow": {
        "latent": {"type": "flow", "dim": 6, "flow": {"type": "autoregressive", "context": 3}},
        "prior": {"type": "flow", "flow": {"type": "coupling"}},
    },
    "ladder": {
        "latent": {"type": "ladder", "dims": [5, 3], "hidden": 9},
        "prior": {"type": "ladder", "dims": [5, 3], "hidden": 9},
    },
}
for name, parts in FAMILY.items():
    objective = {"type": "factor_vae", "units": 20} if name == "ladder" else {"type": "elbo"}
    config = write_config(
        f"{name}.json",
        data=DATA,
        training={**TRAINING, "epochs": 2},
        model={**small_config()["model"], **parts},
        objective=objective,
    )
    folders = {threads: FOLDER / f"{name}-{threads}" for threads in (1, 2, 3)}
    for threads, folder in folders.items():
        run("train", config, "--out", folder, "--threads", threads, "--quiet")
    expected = binary_files(folders[1])
    for threads in (2, 3):
        got = binary_files(folders[threads])
        for file, content in expected.items():
            check(got[file] == content, f"{name}, {threads} threads: {file} differs from that of 1 thread")
finish()
