#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Broken checkpoints, folders that cannot be written, divergence: messages, exit codes, earlier files as they were."""

import json
import os
import pathlib
import re
import resource
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import FOLDER, check, check_equal, finish, npy_bytes, run, start, wait_until, write_config
from refusals import NAN, files_of, make_run, refused


def safetensors(tensors, metadata=None):
    """A safetensors file of float32 vectors of zeros."""
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, count in tensors.items():
        header[name] = {"dtype": "F32", "shape": [count], "data_offsets": [end, end + 4 * count]}
        end += 4 * count
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


def checkpoints():
    last = FOLDER / "run/checkpoints/last.safetensors"
    good = last.read_bytes()
    header = struct.unpack("<Q", good[:8])[0]
    data = len(good) - 8 - header
    foreign = 'is not a safetensors file, must begin with 8 bytes of length and "{"'
    resume = ("train", "good.json", "--out", "run", "--resume", "--set", "training.epochs=5")

    def refuse(message, content, resumed=None):
        last.write_bytes(content)
        before = files_of(FOLDER / "run")
        for text, arguments in ((message, ("evaluate", "run")), (resumed or message, resume)):
            where = "run/checkpoints/last.safetensors: "
            refused(
                4,
                re.compile(where + text.pattern) if isinstance(text, re.Pattern) else where + text,
                *arguments,
            )
        check_equal(files_of(FOLDER / "run") == before, True, f"{message}: the run folder stays as it was")
        last.write_bytes(good)

    flipped = bytearray(good)
    flipped[-5] ^= 0x10
    refuse(
        re.compile("checkpoint is corrupted: checksum of the data is [0-9a-f]{8}, header says [0-9a-f]{8}"),
        bytes(flipped),
    )
    refuse(f"truncated: header promises {data} bytes of data, found {data - 7}", good[:-7])
    refuse(f"truncated: header has {header} bytes, found 92", good[:100])
    refuse(foreign, b"")
    refuse(foreign, b"this is text, of some length")
    refuse(
        'has no "config" in its metadata, must be a checkpoint of vaekit train', safetensors({"weight": 4})
    )
    config = (FOLDER / "run/config.json").read_text()
    refuse(
        'has no tensor "input.shape", must be a checkpoint of this model',
        safetensors({"weight": 4}, {"config": config}),
        resumed='has no tensor "encoder.0.weight", must be a checkpoint of this model',
    )

    before = files_of(FOLDER / "run")
    refused(
        3,
        "config /model/latent/dim: is 3, must be 2 to resume the run in run",
        *resume,
        "--set",
        "model.latent.dim=3",
    )
    refused(3, "config /seed: is 9, must be 1 to resume the run in run", *resume, "--seed", 9)
    refused(
        3,
        "config /optimizer/learning_rate: is 0.5, must be 0.001 to resume the run in run",
        *resume,
        "--set",
        "optimizer.learning_rate=0.5",
    )
    refused(
        3,
        "config /model/encoder/0/units: is 13, must be 12 as in training: only the data can be others",
        "evaluate",
        "run",
        "--set",
        "model.encoder.0.units=13",
    )
    refused(
        6,
        "run: holds another run, must be a new folder; use --resume to go on or --overwrite",
        "train",
        "good.json",
        "--out",
        "run",
    )
    refused(
        6,
        "nowhere: holds no checkpoint, must hold one to resume from",
        "train",
        "good.json",
        "--out",
        "nowhere",
        "--resume",
    )
    check(not (FOLDER / "nowhere").exists(), "--resume makes no folder")
    (FOLDER / "hollow").mkdir(exist_ok=True)
    refused(6, "hollow: holds no checkpoint, must be a run folder of vaekit train", "evaluate", "hollow")
    refused(6, "absent: cannot open: No such file or directory", "sample", "absent", "--out", "o.png")
    check_equal(files_of(FOLDER / "run") == before, True, "the run folder stays as it was")


def places():
    (FOLDER / "file").write_text("mine")
    refused(6, "file/run: cannot create folder: Not a directory", "train", "good.json", "--out", "file/run")
    refused(6, "file: cannot create folder: Not a directory", "train", "good.json", "--out", "file")
    check_equal((FOLDER / "file").read_text(), "mine", "the file stays")
    refused(6, "file/s.npy: cannot write: Not a directory", "sample", "run", "--out", "file/s.npy")
    refused(
        6, "absent/s.png: cannot write: No such file or directory", "sample", "run", "--out", "absent/s.png"
    )
    refused(6, "directory.npy: cannot write: Is a directory", "sample", "run", "--out", "directory.npy")
    # What the standard library throws where it looks for a file.
    endless = "x" * 300
    refused(
        6, f"{endless}/config.json: cannot access: File name too long", "train", "good.json", "--out", endless
    )
    refused(6, f"{endless}: cannot access: File name too long", "doctor", endless)


def full_disk():
    """A limit on the size of files stands for a full disk: both end `write` in the middle."""
    if "thread" in os.environ.get("VAEKIT_SANITIZE", ""):
        print("no limit on the size of files: the thread sanitizer keeps its own state in a file")
        return

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    before = files_of(FOLDER / "run")
    limited = {
        "preexec_fn": limit,
        "restore_signals": False,
    }  # Python ignores the signal that comes with the limit
    refused(
        6,
        "run/checkpoints/epoch-0003.safetensors: cannot write: File too large",
        "train",
        "good.json",
        "--out",
        "run",
        "--resume",
        "--set",
        "training.epochs=3",
        "--quiet",
        **limited,
    )
    after = files_of(FOLDER / "run")
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    check_equal(
        changed - {"config.json", "metrics.jsonl"},
        set(),
        "checkpoints and pictures of a run that could not go on",
    )
    run("evaluate", "run")
    refused(
        6,
        "big.npy: cannot write: File too large",
        "sample",
        "run",
        "--count",
        1000,
        "--out",
        "big.npy",
        **limited,
    )
    check(not list(FOLDER.glob("big.npy*")), "nothing is left of an array that did not fit")


def divergence():
    advice = "; try a lower learning_rate or gradient clipping"
    number = r"-?(?:\d[-+.e\d]*|inf|nan)"
    loss = (
        rf"train: step \d+: loss is {number} \(log-likelihood {number}, KL {number}\), must be finite and below 1000000 times "
        rf"the first loss of {number}; last finite checkpoint: "
    )
    config = write_config("diverges.json", optimizer={"type": "sgd", "learning_rate": 1e30})
    refused(5, re.compile(loss + "none" + advice), "train", config, "--out", "diverged", "--quiet")
    late = {"schedule": "multi_step", "from": 0.001, "factor": 1e30, "milestones": [2]}
    config = write_config(
        "diverges.json",
        optimizer={"type": "sgd", "learning_rate": late},
        training={"epochs": 4, "batch_size": 16},
    )
    refused(
        5,
        re.compile(loss + "late/checkpoints/last.safetensors" + advice),
        "train",
        config,
        "--out",
        "late",
        "--quiet",
    )
    check_equal(
        len((FOLDER / "late/metrics.jsonl").read_text().splitlines()),
        4,
        "two epochs on two splits were finished",
    )
    run("evaluate", "late")
    refused(
        5,
        re.compile(loss + "late/checkpoints/last.safetensors" + advice),
        "train",
        config,
        "--out",
        "late",
        "--quiet",
        "--resume",
    )
    # One step an epoch: its loss is finite, what it leaves behind is not.
    once = {"epochs": 3, "batch_size": 120}
    config = write_config("diverges.json", optimizer={"type": "sgd", "learning_rate": 1e30}, training=once)
    ruins = rf"train: epoch 1: test elbo is {number} \(log-likelihood {number}, KL {number}\), must be finite"
    none = "; last finite checkpoint: none" + advice
    refused(5, re.compile(ruins + none), "train", config, "--out", "ruined", "--quiet")
    check(not list((FOLDER / "ruined/checkpoints").iterdir()), "ruined weights are not saved")


def overwriting():
    before = files_of(FOLDER / "run")
    config = write_config("bad.json", data={"train": {"format": "npy", "path": "nan.npy"}})
    refused(
        4,
        "nan.npy: sample 0, feature 63 is nan, must be finite",
        "train",
        config,
        "--out",
        "run",
        "--overwrite",
    )
    refused(
        3,
        "training/batch_size: 500 is larger than the training set of 120 samples, must be at most 120",
        "train",
        "good.json",
        "--out",
        "run",
        "--overwrite",
        "--set",
        "training.batch_size=500",
    )
    refused(6, f"{FOLDER}/: cannot read: Is a directory", "train", ".", "--out", "run", "--overwrite")
    check_equal(
        files_of(FOLDER / "run") == before,
        True,
        "--overwrite with a bad configuration leaves the earlier run",
    )


def busy():
    long = ("train", "good.json", "--out", "busy", "--set", "training.epochs=1000000", "--quiet")
    process = start(*long)
    last = FOLDER / "busy/checkpoints/last.safetensors"
    check(wait_until(last.exists, process), "a run at work")
    for how in ("--overwrite", "--resume"):
        refused(6, "busy: is in use by another process, must be free", *long, how)
    check(process.poll() is None, "the run at work goes on")
    process.kill()
    process.wait()
    run("train", "good.json", "--out", "busy", "--overwrite", "--quiet")

    (FOLDER / "mine/images").mkdir(parents=True)
    (FOLDER / "mine/images/photo.png").write_text("mine")
    run("train", "good.json", "--out", "mine", "--overwrite", "--quiet")
    run("train", "good.json", "--out", "mine", "--overwrite", "--quiet")
    check_equal((FOLDER / "mine/images/photo.png").read_text(), "mine", "--overwrite leaves what is no run's")


make_run()
(FOLDER / "directory.npy").mkdir()
(FOLDER / "nan.npy").write_bytes(npy_bytes([[0.5] * 63 + [NAN]]))
for part in (checkpoints, places, full_disk, divergence, overwriting, busy):
    part()
finish()
