#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A run that was killed, interrupted or lengthened ends in the bits of a run that never stopped."""

import pathlib
import shutil
import signal
import sys
import time

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
    start,
    wait_until,
    without_timing,
    write_config,
)

# An epoch takes some tenths of a second: there is time to stop within it.
CONFIG = write_config(
    "config.json",
    data={
        "train": {**BARS, "count": 2400, "size": 16},
        "test": {**BARS, "count": 40, "size": 16, "seed": 2},
        "validation_fraction": 0.1,
        "binarize": "stochastic",
    },
    model={
        **small_config()["model"],
        "encoder": [{"type": "dense", "units": 100}, {"type": "dropout", "rate": 0.1}],
    },
    objective={"type": "elbo", "beta": {"schedule": "linear", "from": 0, "to": 1, "epochs": 5}},
    training={"epochs": 6, "batch_size": 2, "weight_average": 0.99, "images_every": 0},
)


def epochs_done(folder):
    try:
        return sum('"split":"train"' in line for line in (folder / "metrics.jsonl").read_text().splitlines())
    except FileNotFoundError:
        return 0


def check_same_run(name, straight):
    folder = FOLDER / name
    for file in ("last", "best", "epoch-0005", "epoch-0006"):
        check(
            (folder / f"checkpoints/{file}.safetensors").read_bytes()
            == (straight / f"checkpoints/{file}.safetensors").read_bytes(),
            f"{name}: {file}.safetensors differs",
        )
    check_equal(
        without_timing(read_metrics(folder)), without_timing(read_metrics(straight)), f"{name}: metrics"
    )
    seconds = [row["seconds"] for row in read_metrics(folder)]
    check_equal(seconds, sorted(seconds), f"{name}: time goes on")


def checkpointed(folder):
    """True once the three epochs are in last.safetensors; metrics.jsonl is written before it."""
    last, third = folder / "checkpoints/last.safetensors", folder / "checkpoints/epoch-0003.safetensors"
    return third.exists() and last.read_bytes() == third.read_bytes()


def stop_in_epoch_4(name, number):
    """Trains into `name`, sends signal `number` in the fourth epoch; the exit code."""
    folder = FOLDER / name
    for _ in range(10):  # a busy machine may wake this script too late
        shutil.rmtree(folder, ignore_errors=True)
        process = start("train", CONFIG, "--out", name, "--threads", 1)
        check(wait_until(lambda: checkpointed(folder), process), f"{name}: three epochs")
        time.sleep(0.02)
        process.send_signal(number)
        code = process.wait(60)
        if epochs_done(folder) == 3:
            return code
    check(False, f"{name}: never stopped before the end of epoch 4")
    return code


run("train", CONFIG, "--out", "straight", "--threads", 1)
straight = FOLDER / "straight"

check_equal(stop_in_epoch_4("killed", signal.SIGKILL), -signal.SIGKILL, "killed: exit code")
with open(FOLDER / "killed/metrics.jsonl", "a") as file:
    file.write('{"epoch":4,"step":4320,"spl')  # a line that the kill tore
run("evaluate", "killed", "--threads", 1)
result = run("train", CONFIG, "--out", "killed", "--resume", "--threads", 2)
check(
    "resuming after 3 epochs and 0 batches\n" in result.stderr,
    f"killed: says where it goes on: {result.stderr}",
)
check_same_run("killed", straight)

for name, number in (("interrupted", signal.SIGINT), ("terminated", signal.SIGTERM)):
    check_equal(stop_in_epoch_4(name, number), 130, f"{name}: exit code")
    said = (FOLDER / "background.txt").read_text().splitlines()[-1]
    check_equal(
        said, f"interrupted: wrote {name}/checkpoints/last.safetensors; go on with --resume", f"{name}: message"
    )
    result = run("train", CONFIG, "--out", name, "--resume")
    line = next(
        (line for line in result.stderr.splitlines() if line.startswith("resuming after 3 epochs and ")), ""
    )
    check(
        line and not line.endswith(" and 0 batches"),
        f"{name}: a checkpoint within the epoch: {result.stderr}",
    )
    check_same_run(name, straight)

run("train", CONFIG, "--out", "longer", "--set", "training.epochs=3")
run("train", CONFIG, "--out", "longer", "--resume", "--set", "training.threads=1")
check_same_run("longer", straight)

before = (straight / "checkpoints/last.safetensors").read_bytes()
run("train", CONFIG, "--out", "straight", "--resume")
check_equal(
    (straight / "checkpoints/last.safetensors").read_bytes(),
    before,
    "resuming a finished run changes nothing",
)
finish()
