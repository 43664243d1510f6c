#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compressed files: what goes in comes out for any thread count, the rate is near the ELBO, damage is refused."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, check, check_equal, finish, gzip_bytes, idx_bytes, npy_bytes, run, write_config
from refusals import refused

DATA = {"train": BARS, "test": {**BARS, "count": 2000, "seed": 2}}


def train():
    write_config("binary.json", data={**DATA, "binarize": "threshold"})
    model = {"latent": {"type": "gaussian", "dim": 2}, "likelihood": {"type": "discretized_logistic"}}
    write_config("grey.json", data=DATA, model=model)
    write_config("mixture.json", data={**DATA, "binarize": "threshold"}, model={"prior": {"type": "gaussian_mixture"}})
    for name in ("binary", "grey", "mixture"):
        run("train", f"{name}.json", "--out", name, "--quiet")
    run("train", "binary.json", "--out", "other", "--seed", 8, "--quiet")


def round_trip():
    for name, levels in (("binary", 2), ("grey", 256)):
        values = [[i * j * j % levels for j in range(64)] for i in range(100)]
        for shape in ((100, 64), (100, 8, 8), (100, 8, 8, 1)):
            content = npy_bytes(values, shape, "|u1")
            (FOLDER / "x.npy").write_bytes(content)
            run("compress", name, "--in", "x.npy", "--out", "x.vae", "--threads", 1)
            first = (FOLDER / "x.vae").read_bytes()
            run("compress", name, "--in", "x.npy", "--out", "x.vae", "--threads", 2)
            check_equal((FOLDER / "x.vae").read_bytes(), first, f"{name}: one thread and two")
            result = run("decompress", name, "--in", "x.vae", "--out", "y.npy", "--threads", 2)
            check_equal(result.stdout, "y.npy\n", f"{name}: what decompress prints")
            check((FOLDER / "y.npy").read_bytes() == content, f"{name} {shape}: comes back as it was")
    (FOLDER / "x.idx.gz").write_bytes(gzip_bytes(idx_bytes([row for row in values[:10]], 8, 8)))
    run("compress", "grey", "--in", "x.idx.gz", "--out", "x.vae")
    run("decompress", "grey", "--in", "x.vae", "--out", "y.npy")
    check((FOLDER / "y.npy").read_bytes() == npy_bytes(values[:10], (10, 8, 8), "|u1"), "an IDX file comes back")


def rate():
    report = json.loads(run("compress", "binary", "--out", "split.vae", "--json").stdout)
    check_equal((report["samples"], report["dimensions"], report["levels"]), (2000, 64, 2), "size of the split")
    check_equal(report["bytes"], (FOLDER / "split.vae").stat().st_size, "bytes of the file")
    check(abs(report["overhead"]) < 0.01, f"the rate is within 1 % of the ELBO: {report}")
    text = run("compress", "binary", "--out", "split.vae").stdout
    check(
        re.fullmatch(
            r"synthetic bars: 2000 samples of 64 values with 2 levels\nfile            \d+ bytes\n"
            r"bits a value    \d\.\d{5}\nnegative elbo   \d\.\d{5} bits a value, \d+\.\d{3} nats a sample\n"
            r"overhead        -?\d\.\d\d %, with \d+ bits to begin with\nsamples/s       \d+\n",
            text,
        ),
        f"report: {text}",
    )


def damage():
    run("compress", "binary", "--out", "x.vae")
    good = (FOLDER / "x.vae").read_bytes()
    words = (len(good) - 116) // 4
    (FOLDER / "y.npy").unlink()

    def refuse(message, content, model="binary"):
        (FOLDER / "x.vae").write_bytes(content)
        refused(4, message, "decompress", model, "--in", "x.vae", "--out", "y.npy")
        check(not (FOLDER / "y.npy").exists(), f"{message}: nothing is written")

    checksum = "[0-9a-f]{8}"
    refuse(f"x.vae: truncated: header promises {words} words of 4 bytes, found {4 * words - 1} bytes", good[:-1])
    refuse("x.vae: truncated: a compressed file has at least 116 bytes, found 50", good[:50])
    changed = bytearray(good)
    changed[-50] ^= 1
    damaged = f"x.vae: is damaged: checksum of the file is {checksum}, its last bytes say {checksum}"
    refuse(re.compile(damaged), bytes(changed))
    refuse('x.vae: starts with "some tex", must start with "VAEKITBB" (a file of vaekit compress)', b"some text that is no file of ours")
    other = f"x.vae: was compressed with another model: checksum of its parameters is {checksum}, of this one {checksum}"
    refuse(re.compile(other), good, "other")
    refused(
        3,
        'compress: prior is "gaussian_mixture", must be standard_normal: z is rounded to intervals of equal probability',
        *("compress", "mixture", "--out", "y.npy"),
    )
    refused(6, "missing.vae: cannot open: No such file or directory", "decompress", "binary", "--in", "missing.vae", "--out", "y.npy")


train()
round_trip()
rate()
damage()
finish()
