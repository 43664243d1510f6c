#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A sweep that was killed or interrupted goes on, and ends in the bits of one that never stopped."""

import csv
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, check, check_equal, finish, run, start, wait_until, write_config

CONFIG = write_config(
    "config.json",
    data={"train": {**BARS, "count": 600, "size": 8}, "test": {**BARS, "count": 40, "size": 8, "seed": 2}},
    training={"epochs": 4, "batch_size": 2, "images_every": 0},
)
SWEEP = ("sweep", CONFIG, "--grid", "objective.beta=[1,4]", "--seeds", 2, "--jobs", 1)


def runs(study):
    return sorted((FOLDER / study / "runs").glob("*/seed-*"))


def weights(study):
    return {
        folder.relative_to(FOLDER / study): (folder / "checkpoints/last.safetensors").read_bytes()
        for folder in runs(study)
    }


def in_flight(study):
    """True once the second run has a checkpoint."""
    return len(list((FOLDER / study).glob("runs/*/seed-2/checkpoints/last.safetensors"))) > 0


def stop(study, number, code):
    process = start(*SWEEP, "--out", study)
    check(wait_until(lambda: in_flight(study), process), f"{study}: two runs began")
    process.send_signal(number)
    check_equal(process.wait(), code, f"{study}: exit code")
    check(len(runs(study)) < 4, f"{study}: was stopped before its end")


straight = run(*SWEEP, "--out", "straight")
check("4 of 4 runs finished\n" in straight.stdout, straight.stdout)
rows = list(csv.DictReader((FOLDER / "straight/summary.csv").open()))
check_equal([(row["objective.beta"], row["seed"]) for row in rows],
            [("1", "1"), ("1", "2"), ("4", "1"), ("4", "2")], "order of the summary")
check(all(row["status"] == "finished" and float(row["test_elbo"]) < 0 for row in rows), "summary")
check_equal(len({row["test_elbo"] for row in rows}), 4, "runs differ")
check("highest ELBO" in (FOLDER / "straight/summary.html").read_text(), "page")

for study, number, code in (("killed", signal.SIGKILL, -9), ("interrupted", signal.SIGTERM, 130)):
    stop(study, number, code)
    resumed = run(*SWEEP, "--out", study, "--resume")  # at once: waits for the runs that a killed sweep left
    check("run 1/4" not in resumed.stderr, f"{study}: finished runs are kept\n{resumed.stderr}")
    check(weights(study) == weights("straight"), f"{study}: other weights than a sweep that never stopped")

diverging = run("sweep", CONFIG, "--grid", "optimizer.learning_rate=[0.001,1e30]", "--out", "diverging", expect=5)
check("1 of 2 runs finished\n" in diverging.stdout, diverging.stdout)
check("failed: train: step " in diverging.stderr, diverging.stderr)

bad = run("sweep", CONFIG, "--grid", "objective.betta=[1]", "--out", "bad", expect=3)
check(bad.stderr.startswith("config /objective/betta: unknown key"), bad.stderr)
check(not (FOLDER / "bad").exists(), "a sweep that cannot begin makes no folder")
usage = run("sweep", CONFIG, "--grid", "objective.beta=1", "--out", "bad", expect=2)
check_equal(usage.stderr, "--grid objective.beta: values are 1, must be a JSON array of one or more\n", "usage")
last = 2**64 - 1
wrapped = run("sweep", CONFIG, "--set", f"seed={last}", "--seeds", 2, "--out", "bad", expect=2)
check_equal(wrapped.stderr, f"--seeds: is 2 from seed {last} on, must end at {last} at the latest; lower the "
            "configuration's seed\n", "seeds that would wrap around")
inside = run("sweep", CONFIG, "--grid", "model.latent.dim=[7]", "--grid", 'model.latent=[{"type":"gaussian"}]',
             "--out", "bad", expect=2)
check_equal(inside.stderr, "--grid model.latent.dim: is a part of --grid model.latent, must not be; write its values "
            "into those of model.latent\n", "a key inside another")
check(not (FOLDER / "bad").exists(), "neither makes a folder")
one_run = str(runs("straight")[0].relative_to(FOLDER))
for place, said in ((one_run, f"{one_run}: holds a run of vaekit train, must be a new folder\n"),
                    ("straight/runs", "straight/runs: lies among the runs of the study "
                                      f"{FOLDER}/straight, must be a new folder elsewhere\n")):
    check_equal(run(*SWEEP, "--out", place, expect=6).stderr, said, f"sweep into {place}")
begin = time.monotonic()
many = run("sweep", CONFIG, "--grid", "objective.beta=[1,2,3,4,5,6,7,8,9,10]", "--seeds", 100000, "--out", one_run, expect=6)
check(time.monotonic() - begin < 5, "a million runs into a folder that is taken are refused at once")

# One run of the two values that a study had is in its summary still when it goes on with a third.
garbled = runs("straight")[0] / "metrics.jsonl"
garbled.write_text("garbage\n")
more = run("sweep", CONFIG, "--grid", "objective.beta=[2]", "--jobs", 1, "--out", "straight", "--resume")
check("1 of 1 runs finished\n" in more.stdout, more.stdout)
rows = list(csv.DictReader((FOLDER / "straight/summary.csv").open()))
check_equal([(row["objective.beta"], row["seed"]) for row in rows],
            [("2", "1"), ("1", "1"), ("1", "2"), ("4", "1"), ("4", "2")], "all runs of the study")
check_equal([row["status"] == "finished" for row in rows], [True, False, True, True, True], "status")
check(rows[1]["status"].startswith(f"unreadable: {'straight/runs/objective.beta=1/seed-1/metrics.jsonl'}:1:1: "),
      rows[1]["status"])
finish()
