#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every subcommand on a small run: what it writes where, on which stream, with which exit code."""

import json
import os
import pathlib
import re
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import (
    FOLDER,
    check,
    check_equal,
    finish,
    npy_bytes,
    read_metrics,
    read_npy,
    run,
    small_config,
    write_config,
)

PNG = b"\x89PNG\r\n\x1a\n"
RUN = FOLDER / "run"


def png_size(path):
    data = path.read_bytes()
    check(data.startswith(PNG) and data.endswith(b"IEND\xaeB`\x82"), f"{path.name} is no whole PNG file")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def check_file_size_limit():
    if "thread" in os.environ.get("VAEKIT_SANITIZE", ""):
        return  # its shadow memory is a file over the limit too
    result = run(
        "sample", "run", "--out", "large.npy", "--count", 100, expect=6,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
    )  # fmt: skip
    check_equal(result.stderr, "large.npy: cannot write: File too large\n", "a file over the limit")
    check(not list(FOLDER.glob("large.npy*")), "leaves nothing")


def check_train():
    result = run("train", "config.json", "--out", "run", "--threads", 1)
    lines = result.stderr.splitlines()
    check(
        re.fullmatch(r"vaekit \d+\.\d+\.\d+, \w+, 1 thread, float32(, OpenMP off)?", lines[0]),
        f"environment line: {lines[0]}",
    )
    number = r"-?\d+\.\d{3}"
    for epoch, line in enumerate(lines[1:], 1):
        check(
            re.fullmatch(
                rf"epoch {epoch}/2: train loss {number}, elbo {number} \(reconstruction {number}, kl "
                rf"{number}\), validation elbo {number}, test elbo {number}, \d+ samples/s, \d+:\d\d",
                line,
            ),
            f"plain progress line: {line}",
        )
    check_equal(len(lines), 3, "lines on stderr")
    check(
        re.fullmatch(
            rf"(?:(?:train|validation|test): elbo {number}, reconstruction {number}, kl {number} nats after 2 "
            r"epochs\n){3}run folder: run\n",
            result.stdout,
        ),
        f"results on stdout: {result.stdout}",
    )
    files = sorted(str(path.relative_to(RUN)) for path in RUN.rglob("*") if path.is_file())
    check_equal(
        files,
        [
            "checkpoints/best.safetensors",
            "checkpoints/epoch-0001.safetensors",
            "checkpoints/epoch-0002.safetensors",
            "checkpoints/last.safetensors",
            "config.json",
            "images/curves.png",
            "images/reconstructions-0001.png",
            "images/reconstructions-0002.png",
            "images/samples-0001.png",
            "images/samples-0002.png",
            "metrics.jsonl",
            "report.html",
        ],
        "files of the run folder",
    )
    rows = read_metrics(RUN)
    check_equal(
        [(row["epoch"], row["step"], row["split"]) for row in rows],
        [(epoch, 6 * epoch, split) for epoch in (1, 2) for split in ("train", "validation", "test")],
        "rows of metrics.jsonl",
    )
    for row in rows:
        check_equal(
            set(row),
            {
                "epoch",
                "step",
                "split",
                "elbo",
                "reconstruction",
                "kl",
                "loss",
                "samples_per_second",
                "seconds",
            },
            "keys of metrics.jsonl",
        )
        check(
            abs(row["elbo"] - (row["reconstruction"] - row["kl"])) < 1e-4,
            f"elbo = reconstruction - kl: {row}",
        )
    config = json.loads((RUN / "config.json").read_text())
    optimizer = config["optimizer"]
    check_equal(
        (optimizer["type"], optimizer["learning_rate"], optimizer["beta1"]),
        ("adam", 0.001, 0.9),
        "defaults are filled in",
    )
    check_equal(config["seed"], 7, "the seed of the run")
    report = (RUN / "report.html").read_text()
    check(
        report.startswith("<!DOCTYPE html>") and report.rstrip().endswith("</html>"), "report.html is a page"
    )
    check(not re.search(r'(?:src|href)="(?!data:|#)', report), "report.html needs no outside resource")


def check_existing_run():
    before = (RUN / "metrics.jsonl").read_bytes()
    result = run("train", "config.json", "--out", "run", expect=6)
    check_equal(
        result.stderr,
        "run: holds another run, must be a new folder; use --resume to go on or --overwrite\n",
        "an existing run is refused",
    )
    check_equal((RUN / "metrics.jsonl").read_bytes(), before, "and stays")
    other = FOLDER / "other"
    run("train", "config.json", "--out", "other", "--seed", 8)
    (other / "notes.txt").write_text("mine")
    first = (other / "checkpoints/last.safetensors").read_bytes()
    result = run(
        "train", "config.json", "--out", "other", "--overwrite", "--set", "training.epochs=1", "--quiet"
    )
    check_equal(result.stderr.count("\n"), 1, "--quiet leaves the environment line")
    check((other / "checkpoints/last.safetensors").read_bytes() != first, "--overwrite trains anew")
    check(not (other / "checkpoints/epoch-0002.safetensors").exists(), "--overwrite removes the earlier run")
    check((other / "notes.txt").exists(), "--overwrite leaves foreign files")
    run("train", "named.json", "--quiet")
    check((FOLDER / "runs/by-name/config.json").exists(), "without --out the run goes to runs/NAME")


def check_evaluate():
    text = run("evaluate", "run", "--split", "train").stdout
    number = r"-?\d+\.\d{3} \+- \d+\.\d{3}"
    check(
        re.fullmatch(
            rf"train split, 96 samples, nats a sample \+- standard error\nelbo            {number}\n"
            rf"reconstruction  {number}\nkl              {number}\n"
            r"bits/dimension  \d\.\d{4}, by the elbo\nactive units    \d of 2\n"
            rf"mutual info     {number}, of q\(z\) over 96 samples\nmarginal kl     {number}\n"
            rf"total corr      {number}\ndimension kl    {number}\n"
            r"mmd             -?\d\.\d{6} \+- \d\.\d{6} squared, to the prior, of 96 samples\n",
            text,
        ),
        text,
    )
    plain = json.loads(run("evaluate", "run", "--json").stdout)
    check_equal(
        set(plain),
        {
            "split",
            "samples",
            "elbo",
            "elbo_standard_error",
            "reconstruction",
            "reconstruction_standard_error",
            "kl",
            "kl_standard_error",
            "posterior_trained",
            "active_units",
            "mean_variance_per_dimension",
            "kl_per_dimension",
            "bits_per_dimension",
            "aggregate_inputs",
            "mutual_information",
            "mutual_information_standard_error",
            "marginal_kl",
            "marginal_kl_standard_error",
            "total_correlation",
            "total_correlation_standard_error",
            "dimension_kl",
            "dimension_kl_standard_error",
            "mmd_samples",
            "mmd",
            "mmd_standard_error",
        },
        "keys of evaluate --json",
    )
    check_equal((plain["split"], plain["samples"]), ("test", 40), "the test split by default")
    check(abs(sum(plain["kl_per_dimension"]) - plain["kl"]) < 1e-5, "KL is the sum over dimensions")
    last = [row for row in read_metrics(RUN) if row["split"] == "test"][-1]
    best = [row for row in read_metrics(RUN) if row["split"] == "validation"]
    if best[-1]["elbo"] > best[0]["elbo"]:
        check_equal(plain["elbo"], last["elbo"], "evaluate agrees with metrics.jsonl")
    sampled = json.loads(run("evaluate", "run", "--json", "--importance-samples", 64, "--threads", 2).stdout)
    check_equal(
        set(sampled) - set(plain),
        {
            "importance_samples",
            "log_likelihood",
            "log_likelihood_standard_error",
            "log_likelihood_bits_per_dimension",
        },
        "keys of --importance-samples",
    )
    check(sampled["log_likelihood"] >= sampled["elbo"], "the log-likelihood is not below its bound")
    check_equal({key: sampled[key] for key in plain}, plain, "the rest does not change with threads")
    annealing = ("--ais-chains", 4, "--ais-steps", 30, "--ais-inputs", 5, "--ais-simulated", 3)
    annealed = json.loads(run("evaluate", "run", "--json", *annealing).stdout)
    check_equal((annealed["ais_inputs"], annealed["ais_simulated_inputs"]), (5, 3), "inputs of --ais-chains")
    check_equal(
        run("evaluate", "run", "--json", "--threads", 1, *annealing).stdout,
        run("evaluate", "run", "--json", "--threads", 2, *annealing).stdout,
        "annealing does not depend on threads",
    )
    overridden = json.loads(run("evaluate", "run", "--json", "--set", "data.test.count=10").stdout)
    check_equal(overridden["samples"], 10, "--set changes the data")
    validation = json.loads(run("evaluate", "run", "--split", "validation", "--json").stdout)
    check_equal(validation["samples"], 24, "validation split")


def check_runs():
    """RUN is a folder or a checkpoint file."""
    folder = run("evaluate", "run", "--json").stdout
    check_equal(
        run("evaluate", "run/checkpoints/best.safetensors", "--json").stdout,
        folder,
        "a run with a validation split is its best checkpoint",
    )
    first = run("evaluate", "run/checkpoints/epoch-0001.safetensors", "--json").stdout
    rows = [row for row in read_metrics(RUN) if row["split"] == "test"]
    check_equal(json.loads(first)["elbo"], rows[0]["elbo"], "a numbered checkpoint is that epoch")
    (FOLDER / "moved").mkdir()
    (RUN / "checkpoints/best.safetensors").rename(FOLDER / "moved/alone.safetensors")
    check_equal(
        run("evaluate", "moved/alone.safetensors", "--json").stdout, folder, "a checkpoint stands alone"
    )
    (FOLDER / "moved/alone.safetensors").rename(RUN / "checkpoints/best.safetensors")


def check_written(result, name):
    check_equal((result.stdout, result.stderr), (name + "\n", ""), "stdout names the file")
    return FOLDER / name


def check_output_names():
    for name, out in [("sample", "x.jpg"), ("encode", "x.png"), ("manifold", "x.npy")]:
        given = ["--in", "inputs.npy"] if name == "encode" else []
        result = run(name, "run", "--out", out, *given, expect=2)
        ending = {"sample": ".png or .npy", "encode": ".npy", "manifold": ".png"}[name]
        check_equal(result.stderr, f'--out: is "{out}", must end in {ending}\n', f"{name} refuses {out}")


def check_pictures():
    # Tiles of 8x8 with borders: the same number of tiles a side gives the same size.
    square = png_size(check_written(run("sample", "run", "--out", "s.png", "--count", 16), "s.png"))
    check(square[0] == square[1] and square[0] >= 32, f"16 samples make a square picture: {square}")
    check_equal(
        png_size(check_written(run("manifold", "run", "--out", "m.png", "--steps", 4), "m.png")),
        square,
        "a manifold of 4 steps",
    )
    wide = png_size(
        check_written(run("interpolate", "run", "--out", "i.png", "--rows", 2, "--steps", 8), "i.png")
    )
    check(wide[0] > 3 * wide[1], f"2 lines of 8 steps: {wide}")
    traversal = run("traverse", "run", "--out", "t.png", "--rows", 2, "--steps", 8, "--range", 2)
    lines = traversal.stdout.splitlines()
    check_equal((lines[0], len(lines), traversal.stderr), ("t.png", 3, ""), "traverse names file and rows")
    for row, line in enumerate(lines[1:], 1):
        pattern = rf"row {row}: dimension [01], KL [0-9.]+ nats"
        check(re.fullmatch(pattern, line), f"traverse says what its row {row} is: {line}")
    check_equal(png_size(FOLDER / "t.png"), wide, "2 dimensions of 8 steps")
    pairs = png_size(check_written(run("reconstruct", "run", "--out", "r.png", "--count", 8), "r.png"))
    check_equal(pairs, wide, "8 inputs above 8 reconstructions")
    for name in ("interpolate", "traverse", "manifold", "reconstruct"):
        run(name, "run", "--out", f"default-{name}.png")
        png_size(FOLDER / f"default-{name}.png")


def check_arrays():
    (FOLDER / "inputs.npy").write_bytes(
        npy_bytes([[float((i + j) % 3 == 0) for j in range(64)] for i in range(5)])
    )
    shape, samples = read_npy(check_written(run("sample", "run", "--out", "s.npy", "--count", 7), "s.npy"))
    check_equal(shape, (7, 8, 8), "sample --out .npy")
    check(all(0 < value < 1 for value in samples), "samples are Bernoulli means")
    run("sample", "run", "--out", "again.npy", "--count", 7, "--seed", 1)
    check_equal((FOLDER / "again.npy").read_bytes(), (FOLDER / "s.npy").read_bytes(), "seed 1 is the default")
    run("sample", "run", "--out", "again.npy", "--count", 7, "--seed", 2)
    check(
        (FOLDER / "again.npy").read_bytes() != (FOLDER / "s.npy").read_bytes(), "another seed, other samples"
    )
    run("sample", "run", "--out", "cold.npy", "--count", 2, "--temperature", 0)
    cold = read_npy(FOLDER / "cold.npy")[1]
    check_equal(cold[:64], cold[64:], "temperature 0 is the decoded origin")

    shape, z = read_npy(check_written(run("encode", "run", "--in", "inputs.npy", "--out", "z.npy"), "z.npy"))
    check_equal(shape, (5, 2), "encode")
    shape, both = read_npy(
        check_written(run("encode", "run", "--in", "inputs.npy", "--out", "zz.npy", "--logvar"), "zz.npy")
    )
    check_equal(shape, (5, 4), "encode --logvar")
    check_equal([both[4 * i + j] for i in range(5) for j in range(2)], list(z), "means come first")
    shape, decoded = read_npy(check_written(run("decode", "run", "--in", "z.npy", "--out", "x.npy"), "x.npy"))
    check_equal(shape, (5, 8, 8), "decode")
    shape, reconstructed = read_npy(
        check_written(run("reconstruct", "run", "--in", "inputs.npy", "--out", "r.npy"), "r.npy")
    )
    check_equal(shape, (5, 8, 8), "reconstruct --in")
    check(
        max(abs(a - b) for a, b in zip(decoded, reconstructed)) < 1e-6, "decode after encode is reconstruct"
    )
    png_size(check_written(run("decode", "run", "--in", "z.npy", "--out", "x.png"), "x.png"))
    shape, _ = read_npy(check_written(run("reconstruct", "run", "--out", "all.npy"), "all.npy"))
    check_equal(shape, (40, 8, 8), "reconstruct takes the whole test split")

    shape, scores = read_npy(
        check_written(run("score", "run", "--in", "inputs.npy", "--out", "score.npy"), "score.npy")
    )
    check_equal(shape, (5,), "score")
    check(all(score > 0 for score in scores), f"negative bounds of binary data: {scores}")
    shape, tight = read_npy(
        check_written(
            run("score", "run", "--in", "inputs.npy", "--out", "k.npy", "--importance-samples", 256), "k.npy"
        )
    )
    check_equal(shape, (5,), "score --importance-samples")
    check(sum(tight) < sum(scores) + 5 * 0.5, "importance samples tighten the bound")

    outliers = json.loads(run("metrics", "run", "--outliers", "inputs.npy", "--json").stdout)["outliers"]
    check_equal(
        set(outliers),
        {"samples", "outliers", "score", "auroc", "average_precision"},
        "keys of metrics --outliers",
    )
    check_equal((outliers["samples"], outliers["outliers"]), (40, 5), "the test split against the file")
    check(0 <= outliers["auroc"] <= 1 and 0 < outliers["average_precision"] <= 1, f"shares: {outliers}")


def check_describe():
    config = run("describe", "config.json").stdout
    check_equal(run("describe", "run").stdout, config, "describe of a run is that of its configuration")
    check(config.startswith("small: 8x8x1 inputs, bernoulli likelihood, float32\n"), config)
    check(
        f" {64 * 12 + 12 + 12 * 4 + 4 + 2 * 12 + 12 + 12 * 64 + 64:,} " in config,
        f"number of parameters: {config}",
    )
    check("float64" in run("describe", "config.json", "--set", "precision=float64").stdout, "describe --set")
    check(not (FOLDER / "runs/small").exists(), "describe writes nothing")


changes = {"seed": 7, "data": {**small_config()["data"], "validation_fraction": 0.2}}
write_config("config.json", **changes)
write_config("named.json", name="by-name", training={"epochs": 1, "batch_size": 16})
check_train()
check_file_size_limit()
check_existing_run()
check_evaluate()
check_runs()
check_output_names()
check_pictures()
check_arrays()
check_describe()
finish()
