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

    def refuse_set(message, assignment, code=3):
        refuse_training(code, message, "good.json", "--set", assignment)

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
        'config /model/encoder/0/type: unknown layer "dens"; known: dense, dropout, elu, gated_dense, gelu, layer_norm, '
        'leaky_relu, relu, sigmoid, silu, softplus, tanh; did you mean "dense"?',
        model={**model, "encoder": [{"type": "dens", "units": 3}]},
    )
    refuse(
        "config /model/encoder/0/units: missing key, required",
        model={**model, "encoder": [{"type": "dense"}]},
    )

    def refuse_part(message, **parts):
        refuse(message, model={**model, **parts})

    refuse_part(
        "prior: standard_normal is a distribution on all of space, the von_mises_fisher posterior lives on the unit "
        "sphere",
        latent={"type": "von_mises_fisher", "dim": 3},
    )
    refuse_part(
        "config /model/latent/dim: is 1, must be in [2, 256]",
        latent={"type": "von_mises_fisher", "dim": 1},
        prior={"type": "sphere"},
    )
    refuse_part(
        "config /model/latent/temperature: is -1, must be > 0",
        latent={"type": "concrete", "temperature": -1},
        prior={"type": "categorical"},
    )
    refuse_part(
        "latent: codebook has 4096 codes, must have at most 960 (training samples x positions)",
        latent={"type": "vector_quantized", "positions": 8, "codes": 4096},
        prior={"type": "codes"},
    )
    refuse(
        "objective: iwae weighs samples by the density of the posterior, concrete has none in training",
        model={
            **model,
            "latent": {"type": "concrete", "variables": 2, "classes": 3},
            "prior": {"type": "categorical", "classes": 3},
        },
        objective={"type": "iwae"},
    )
    refuse_part(
        "prior: conditional_gaussian needs a condition, got none; set data/condition",
        prior={"type": "conditional_gaussian"},
    )
    refuse_part(
        "config /model/classifier: needs data/condition of labels, got none",
        classifier={"weight": 1},
    )
    refuse_part(
        'config /model/prior/flow/type: unknown flow "planar"; known: autoregressive, coupling',
        prior={"type": "flow", "flow": {"type": "planar"}},
    )
    refuse("config /objective/samples: is 0, must be in [1, 10000]", objective={"type": "iwae", "samples": 0})
    refuse("config /data/train: missing key, required", data={})
    refuse('config /data/train: missing key "format"; known: csv, idx, npy, synthetic', data={"train": {}})
    refuse('config /training/epochs: is "ten", must be an integer', training={"epochs": "ten"})
    refuse("config /training/epochs: is 1.5, must be an integer", training={"epochs": 1.5})
    refuse("config /model/encoder: is {}, must be an array", model={**model, "encoder": {}})
    refuse("config /training/batch_size: is 0, must be >= 1", training={"batch_size": 0})
    refuse(
        "config /model/latent/dim: is -1, must be in [1, 1000000]",
        model={**model, "latent": {"type": "gaussian", "dim": -1}},
    )
    for size in (1000001, 2**61, 2**62, 2**63 - 1):
        limit = f"is {size}, must be in [1, 1000000]"
        refuse_set(f"config /model/latent/dim: {limit}", f"model.latent.dim={size}")
        refuse_set(f"config /model/encoder/0/units: {limit}", f"model.encoder.0.units={size}")
        refuse_set(f"config /model/decoder/0/units: {limit}", f"model.decoder.0.units={size}")
        groups = [{"count": size, "likelihood": {"type": "bernoulli"}}] * 2
        refuse(
            f"config /model/likelihood/groups/0/count: {limit}",
            model={**model, "likelihood": {"type": "columns", "groups": groups}},
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
        "training/early_stopping: is 3, must be 0 without validation samples; hint: set data/validation_fraction or "
        "data/validation",
        training={"early_stopping": 3, "batch_size": 20},
    )
    refuse(
        "data/validation_fraction: 0.001 of 120 samples leaves none for validation, each part must have at least 1",
        data={"train": BARS, "validation_fraction": 0.001},
    )
    refuse_set('--set nonsense: has no "=", must be KEY=JSON', "nonsense", code=2)
    refuse_set('--set : has no "=", must be KEY=JSON', "", code=2)
    refuse_set('--set training.epochs: value is "{", must be JSON or a bare word', "training.epochs={", code=2)
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
    (FOLDER / "child.json").write_text('{"extends": "missing.json"}')
    refuse_training(
        6,
        f"{FOLDER}/missing.json: cannot open: No such file or directory; extended by {FOLDER}/child.json",
        "child.json",
    )
    refused(
        3,
        "config /colour: unknown key; known: data, model, name, objective, optimizer, precision, seed, training",
        "describe",
        write_config("bad.json", colour=1),
    )


make_run()
configurations()
finish()
