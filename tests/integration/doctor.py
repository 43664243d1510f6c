#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vaekit doctor` finds planted faults, and none in sound configurations and runs; on any number of threads."""

import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, SOURCE, check, check_equal, finish, npy_bytes, run, write_config

random.seed(1)
TABLE = [[random.gauss(0, 1) for _ in range(24)] for _ in range(200)]
BARS_TABLE = [[float(random.random() < 0.3) for _ in range(24)] for _ in range(200)]


def source(file, rows, dtype="<f4"):
    (FOLDER / file).write_bytes(npy_bytes(rows, dtype=dtype))
    return {"train": {"format": "npy", "path": file}}


def model(**changes):
    layer = [{"type": "dense", "units": 20, "activation": "relu"}]
    return {"encoder": layer, "latent": {"type": "gaussian", "dim": 2}, "decoder": layer, **changes}


def examined(target, *options, expect):
    return json.loads(run("doctor", target, "--json", *options, expect=expect).stdout)


def faults(report):
    return {finding["check"] for finding in report["checks"] if finding["verdict"] == "fault"}


def check_faulty(target, expected, figure, *options):
    """The check `expected` names a fault, whose figure contains `figure`; others may follow from it."""
    report = examined(target, *options, expect=1)
    found = faults(report)
    check(expected in found, f"{target} {options}: found {found}, expected {expected}\n{report}")
    figures = [c["figure"] for c in report["checks"] if c["check"] == expected and c["verdict"] == "fault"]
    check(any(figure in text for text in figures), f"{target} {options}: {figures} without {figure!r}")
    check(all(c.get("advice") for c in report["checks"] if c["verdict"] == "fault"), f"{target}: advice")
    check_equal(report["faults"], sum(c["verdict"] == "fault" for c in report["checks"]), f"{target}: count")
    return report


GAUSSIAN = {"likelihood": {"type": "gaussian", "variance": "learned"}}
TRAINING = {"epochs": 40, "batch_size": 20}

# Sound ones: built-in data, a table, and shipped configurations whose data are built in.
bars = write_config("bars.json", data={"train": {**BARS, "count": 400}}, training=TRAINING)
table = write_config("table.json", data=source("table.npy", TABLE), model=model(**GAUSSIAN), training=TRAINING)
shipped = [SOURCE / "configs" / name for name in ("synthetic_bars.json", "synthetic_moons.json", "float64.json",
                                                  "synthetic_mixture.json", "tabular_csv.json")]
for target in [bars, table, *shipped]:
    report = examined(target, expect=0)
    check_equal(faults(report), set(), f"{target}: {report}")
    check_equal(report["faults"], 0, f"{target}: count")
    check_equal(
        {c["check"] for c in report["checks"] if c["verdict"] == "skipped"}, {"codes", "collapse"}, f"{target}: skipped"
    )

# The text, and the same on any number of threads.
text = run("doctor", bars).stdout
check(text.startswith("small\ndata           ok: 400 samples, ") and text.endswith("\nno faults\n"), text)
check("\ncollapse       skipped: there are no trained weights yet\n" in text, text)
for threads in (1, 2, 3):
    check_equal(run("doctor", bars, "--threads", threads).stdout, text, f"{threads} threads")

# A trained run is sound, one whose latent collapsed is not.
run("train", bars, "--out", "sound", "--quiet", "--set", "optimizer.learning_rate=0.005")
report = examined("sound", expect=0)
check_equal([c["verdict"] for c in report["checks"] if c["check"] == "collapse"], ["ok"], f"{report}")
run("train", bars, "--out", "collapsed", "--quiet", "--set", "objective.beta=15")
check_faulty("collapsed", "collapse", "0 of 2 latent dimensions active")
check_faulty("collapsed/checkpoints/last.safetensors", "collapse", "best without z")

# Faults of the data.
check_faulty(
    write_config("nan.json", data=source("nan.npy", [*TABLE[:7], [float("nan")] * 24]), model=model(**GAUSSIAN)),
    "data", "nan.npy: sample 7, feature 0 is nan, must be finite",
)
(FOLDER / "nan.csv").write_text("a,b\n1,2\n3,nan\n")
check_faulty(write_config("nan_csv.json", data={"train": {"format": "csv", "path": "nan.csv"}}), "data", 'nan.csv:3: column 2 (b) is "nan", must be finite')
check_faulty(
    write_config("bernoulli.json", data=source("table.npy", TABLE), model=model()),
    "data", "must be in [0, 1] for a bernoulli likelihood",
)
big = [[1000 * value for value in row] for row in TABLE]
check_faulty(
    write_config("unscaled.json", data=source("unscaled.npy", big), model=model(**GAUSSIAN)), "data", " after scaling"
)
check_equal(faults(examined("unscaled.json", "--set", 'data.scale="standardize"', "--set", "training.batch_size=20",
                            expect=0)), set(), "standardised")
check_faulty(
    write_config("binary.json", data=source("binary.npy", BARS_TABLE), model=model(**GAUSSIAN)),
    "data", "24 of 24 features that vary take two values",
)

# Faults of the numbers.
check_faulty(bars, "learning rate", "turns up at", "--set", "optimizer.learning_rate=3")
check_faulty(bars, "objective", "a nat of KL weighs as much as 100 nats", "--set", "objective.beta=100")
codes = {"type": "vector_quantized", "positions": 4, "width": 8, "codes": 64, "revive_below": 0}
check_faulty(
    write_config("codes.json", data={"train": {**BARS, "count": 400}},
                 model=model(latent=codes, prior={"type": "codes"}), training=TRAINING),
    "codes", " of 64 codes in use",
)

# What is no fault of a model stays an error of its own.
check_equal(run("doctor", "missing.json", expect=6).stdout, "", "missing file")
run("doctor", bars, "--set", "training.epohs=1", expect=3)
run("doctor", expect=2)
finish()
