#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vaekit doctor` finds planted faults, and none in sound configurations and runs; on any number of threads."""

import json
import os
import pathlib
import random
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, SOURCE, check, check_equal, finish, npy_bytes, run, write_config
from small_configs import CONFIGS, cut_down, merged, write_images

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


def alter_tensor(checkpoint, name, change):
    """Replaces the float32 values of a tensor by change(values), and the file's checksum."""
    content = checkpoint.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = content[8:end]
    first, last = json.loads(header)[name]["data_offsets"]
    values = struct.unpack(f"<{(last - first) // 4}f", content[end + first : end + last])
    changed = struct.pack(f"<{len(values)}f", *change(values))
    data = content[end : end + first] + changed + content[end + last :]
    prefix = b'{"__metadata__":{"crc32":"'
    check(header.startswith(prefix), f"{checkpoint}: begins with {header[:40]}")
    rest = header[len(prefix) + 8 :]
    checksum = zlib.crc32(prefix + b"00000000" + rest + data)
    checkpoint.write_bytes(content[:8] + prefix + f"{checksum:08x}".encode() + rest + data)


def altered(run_folder, name, change):
    """The last checkpoint of a run, with one tensor altered."""
    checkpoint = FOLDER / f"{name}.safetensors"
    checkpoint.write_bytes((FOLDER / run_folder / "checkpoints/last.safetensors").read_bytes())
    alter_tensor(checkpoint, name, change)
    return checkpoint.name


def kinds(config):
    """Of posterior, prior, likelihood (and of its columns) and objective of a configuration."""
    model = config["model"]
    likelihoods = [model["likelihood"], *(group["likelihood"] for group in model["likelihood"].get("groups", []))]
    return {
        ("latent", model["latent"]["type"]),
        ("prior", model.get("prior", {}).get("type", "standard_normal")),
        ("objective", config.get("objective", {}).get("type", "elbo")),
        *(("likelihood", likelihood["type"]) for likelihood in likelihoods),
    }


def one_of_each_kind():
    """Shipped configurations that have every kind once; those of papers/, whose networks are large, come last."""
    seen = set()
    for path in sorted(CONFIGS, key=lambda path: (path.parent.name == "papers", path)):
        new = kinds(merged(path)) - seen
        if new:
            seen |= new
            yield path


GAUSSIAN = {"likelihood": {"type": "gaussian", "variance": "learned"}}
TRAINING = {"epochs": 40, "batch_size": 20}

# Sound ones: built-in data, a table, and shipped configurations whose data are in configs/.
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

# Shipped configurations on few samples: one of each kind, with VAEKIT_SLOW_TESTS all of them. A program under a
# sanitizer is ten times as slow: the ones above must do.
write_images()
if os.environ.get("VAEKIT_SLOW_TESTS") in ("1", "ON"):
    small = CONFIGS
elif os.environ.get("VAEKIT_SANITIZE"):
    small = []
else:
    small = list(one_of_each_kind())
    check(len(small) >= 25, f"{len(small)} configurations for all kinds")
for path in small:
    check_equal(faults(examined(cut_down(path), "--threads", 1, expect=0)), set(), path.name)

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

# Faults of weights: units that no input reaches, log-variances out of their limits.
run("train", bars, "--out", "relu", "--quiet", "--set", 'model.encoder.0.activation="relu"')
check_equal(faults(examined("relu", expect=0)), set(), "relu")
check_faulty(
    altered("relu", "encoder.0.bias", lambda values: [-1000.0] * len(values)),
    "units", "12 of 12 units of encoder.0.weight have no gradient for any of 400 inputs",
)
check_faulty(
    altered("sound", "posterior_head.bias", lambda values: [*values[:2], -40.0, -40.0]),
    "log-variance", "100 % of the posterior's log-variances are at ",
)
check_faulty(
    altered("sound", "posterior_head.bias", lambda values: [*values[:2], values[2], 40.0]),
    "log-variance", "50 % of the posterior's log-variances are at ",
)
run("train", table, "--out", "table", "--quiet")
check_faulty(
    altered("table", "likelihood.logvar", lambda values: [-40.0] * len(values)),
    "log-variance", "values of likelihood.logvar are at ",
)

nan = altered("sound", "decoder.0.bias", lambda values: [float("nan")] * len(values))
report = check_faulty(nan, "weights", 'parameter "decoder.0.bias" is not finite, all must be')
check_equal([c["check"] for c in report["checks"]], ["weights"], "nothing else of weights that are not finite")
check_faulty(
    altered("sound", "posterior_head.bias", lambda values: [1e30, 1e30, *values[2:]]), "elbo", "not finite"
)
check_faulty(
    altered("sound", "likelihood_head.weight", lambda values: [-3 * value for value in values]),
    "reconstruction", "2 of 2 latent dimensions active",
)

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
check_faulty("unscaled.json", "first steps", " at the first step")
check_equal(faults(examined("unscaled.json", "--set", 'data.scale="standardize"', "--set", "training.batch_size=20",
                            expect=0)), set(), "standardised")
rare = [[*row[:23], float(i == 7)] for i, row in enumerate(TABLE)]
often = [[*row[:23], 100.0] for row in TABLE]
rare_source, often_source = source("rare.npy", rare), source("often.npy", often)
check_faulty(
    write_config("rare.json", data={**rare_source, "test": often_source["train"], "scale": "standardize"},
                 model=model(**GAUSSIAN), training=TRAINING),
    "data", "feature 23 has a root mean square of 1.42e+03 in test after scaling, 1 in training",
)
check_faulty(
    write_config("binary.json", data=source("binary.npy", BARS_TABLE), model=model(**GAUSSIAN)),
    "data", "24 of 24 features that vary take two values",
)

# Faults of the numbers.
check_faulty(bars, "learning rate", "turns up at", "--set", "optimizer.learning_rate=3")
linear = '{"schedule": "linear", "from": 0.0001, "to": 3, "epochs": 10}'
check_faulty(bars, "learning rate", "3; the loss is lowest", "--set", f"optimizer.learning_rate={linear}")
check_faulty(bars, "learning rate", "it does not fall", "--set", "optimizer.learning_rate=1e-12")
check_faulty(bars, "learning rate", "0 in all of 40 epochs", "--set", "optimizer.learning_rate=0")
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
for override in ("training.batch_size=100000", "training.early_stopping=3"):
    refusal = run("train", bars, "--out", "refused", "--set", override, expect=3).stderr.splitlines()[-1]
    check_equal(run("doctor", bars, "--set", override, expect=3).stderr.splitlines()[-1], refusal, override)
(FOLDER / "bars.conf").write_text((FOLDER / bars).read_text())
check_equal(run("doctor", "bars.conf").stdout, text, "a configuration by another name")
run("doctor", expect=2)
finish()
