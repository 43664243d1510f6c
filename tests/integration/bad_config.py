#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad configurations: the exact one-line message, exit code 3, and nothing left behind."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, finish, small_config, write_config
from refusals import make_run, refuse_training, refused


def configurations():
    def refuse(message, **changes):
        refuse_training(3, message, write_config("bad.json", **changes))

    def refuse_set(message, assignment):
        refuse_training(3, message, "good.json", "--set", assignment)

    model = small_config()["model"]
    refuse(
        "config /optimizer/learning_rte: unknown key; known: beta1, beta2, epsilon, learning_rate, weight_decay; "
        'did you mean "learning_rate"?',
        optimizer={"type": "adam", "learning_rte": 0.1},
    )
    refuse(
        "config /colour: unknown key; known: data, model, name, objective, optimizer, precision, seed, training",
        colour="red",
    )
    refuse(
        'config /model/encoder/0/type: unknown layer "dens"; known: dense, dropout, elu, gelu, layer_norm, leaky_relu, '
        'relu, sigmoid, silu, softplus, tanh; did you mean "dense"?',
        model={**model, "encoder": [{"type": "dens", "units": 3}]},
    )
    refuse(
        "config /model/encoder/0/units: missing key, required",
        model={**model, "encoder": [{"type": "dense"}]},
    )
    refuse("config /data/train: missing key, required", data={})
    refuse('config /data/train: missing key "format"; known: csv, idx, npy, synthetic', data={"train": {}})
    refuse('config /training/epochs: is "ten", must be an integer', training={"epochs": "ten"})
    refuse("config /training/epochs: is 1.5, must be an integer", training={"epochs": 1.5})
    refuse("config /model/encoder: is {}, must be an array", model={**model, "encoder": {}})
    refuse("config /training/batch_size: is 0, must be >= 1", training={"batch_size": 0})
    refuse(
        "config /model/latent/dim: is -1, must be >= 1",
        model={**model, "latent": {"type": "gaussian", "dim": -1}},
    )
    refuse(
        "config /optimizer/learning_rate: is -0.1, must be >= 0",
        optimizer={"type": "adam", "learning_rate": -0.1},
    )
    refuse(
        'config /precision: unknown value "float16"; known: float32, float64; did you mean "float32"?',
        precision="float16",
    )
    refuse(
        "training/batch_size: 500 is larger than the training set of 120 samples, must be at most 120",
        training={"batch_size": 500},
    )
    refuse(
        "data/validation_fraction: 0.001 of 120 samples leaves none for validation, each part must have at least 1",
        data={"train": BARS, "validation_fraction": 0.001},
    )
    refuse_set('--set nonsense: has no "=", must be KEY=JSON', "nonsense")
    refuse_set('--set training.epochs: value is "{", must be JSON or a bare word', "training.epochs={")
    refuse_set(
        "config /training/epoch: unknown key; known: batch_size, checkpoint_every, early_stopping, epochs, gradient_clip, "
        'images_every, threads, weight_average; did you mean "epochs"?',
        "training.epoch=3",
    )
    refuse_set(
        "--set model.encoder.7.units: index is 7, must be < 1 (elements of model.encoder)",
        "model.encoder.7.units=3",
    )
    (FOLDER / "broken.json").write_text('{"name": "x",\n  "seed": }')
    refuse_training(
        3,
        f"{FOLDER}/broken.json:2:11: syntax error while parsing value - unexpected '}}'; expected '[', "
        "'{', or a literal",
        "broken.json",
    )
    refuse_training(6, f"{FOLDER}/missing.json: cannot open: No such file or directory", "missing.json")
    refused(
        3,
        "config /colour: unknown key; known: data, model, name, objective, optimizer, precision, seed, training",
        "describe",
        write_config("bad.json", colour=1),
    )


make_run()
configurations()
finish()
