#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input of every kind: the exact one-line message, the exit code, and earlier files left as they were."""

import json
import pathlib
import re
import resource
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import (
    BARS,
    ENVIRONMENT_LINE,
    FOLDER,
    check,
    check_equal,
    finish,
    gzip_bytes,
    idx_bytes,
    npy_bytes,
    run,
    small_config,
    write_config,
)

NAN, INF = float("nan"), float("inf")
cases = 0


def refused(code, message, *arguments, **options):
    """`vaekit arguments...` must end with `code` and print `message` (text or a pattern) alone, besides the
    lines that `train` begins with."""
    global cases
    cases += 1
    result = run(*arguments, expect=code, **options)
    lines = [
        line
        for line in result.stderr.splitlines()
        if not line.startswith((ENVIRONMENT_LINE, "resuming after "))
    ]
    said = f"vaekit {' '.join(map(str, arguments))}"
    if isinstance(message, re.Pattern):
        check(
            len(lines) == 1 and message.fullmatch(lines[0]),
            f"{said}\n  got      {lines}\n  expected {message.pattern}",
        )
    else:
        check_equal(lines, [message], said)
    check_equal(result.stdout, "", f"{said}: stdout")


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuse_training(code, message, config, *arguments):
    """Training must be refused before it leaves anything behind."""
    refused(code, message, "train", config, "--out", "refused", *arguments)
    check(not (FOLDER / "refused").exists(), f"{message}: leaves no folder")


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


def data_files():
    images = [[(i + j) % 2 * 255 for j in range(16)] for i in range(32)]
    plain = idx_bytes(images, 4, 4)

    def refuse(file, data, message, code=4, **source):
        if data is not None:
            (FOLDER / file).write_bytes(data)
        kind = {".npy": "npy", ".csv": "csv"}.get(pathlib.Path(file).suffix, "idx")
        config = write_config("data.json", data={"train": {"format": kind, "path": file, **source}})
        refuse_training(code, message, config)

    refuse("absent.idx", None, f"{FOLDER}/absent.idx: cannot open: No such file or directory", 6)
    packed = gzip_bytes(plain)
    size = len(packed)
    refuse("cut.gz", packed[:-20], f"cut.gz: truncated gzip stream: ends after {size - 20} bytes, must go on")
    refuse(
        "wrong.gz",
        packed[:-8] + bytes(8),
        f"wrong.gz: corrupt gzip data: incorrect data check after {size - 4} of {size} bytes",
    )
    refuse(
        "labels.idx",
        idx_bytes(images, 4, 4, magic=0x801),
        "labels.idx: magic number is 0x00000801, must be 0x00000803 (IDX "
        "images) or 0x00000802 (IDX vectors)",
    )
    refuse(
        "text.idx",
        b"hello, world, this is text",
        "text.idx: magic number is 0x68656c6c, must be 0x00000803 (IDX "
        "images) or 0x00000802 (IDX vectors)",
    )
    refuse("stub.idx", plain[:9], "stub.idx: truncated: an IDX header has 16 bytes, found 9")
    refuse("short.idx", plain[:-40], "short.idx: truncated: header promises 32 images of 4x4, found 29")
    refuse(
        "long.idx",
        plain + b"x",
        "long.idx: too long: header promises 32 images of 4x4 (512 bytes), found 513 bytes",
    )
    refuse(
        "huge.idx",
        idx_bytes(images, 2**32 - 1, 2**32 - 1, count=2**32 - 1),
        "huge.idx: truncated: header promises " "4294967295 images of 4294967295x4294967295, found 0",
    )
    refuse("empty.idx", idx_bytes([], 4, 4), "empty.idx: data set is empty, needs at least one sample")
    refuse("nothing.idx", b"", "nothing.idx: truncated: an IDX header has 4 bytes, found 0")

    rows = [[0.5] * 4 for _ in range(20)]
    rows[3] = [0.5, NAN, 0.5, 0.5]
    refuse("nan.npy", npy_bytes(rows), "nan.npy: sample 3, feature 1 is nan, must be finite")
    rows[3] = [0.5, 0.5, 0.5, -INF]
    refuse("inf.npy", npy_bytes(rows), "inf.npy: sample 3, feature 3 is -inf, must be finite")
    refuse("none.npy", npy_bytes([], (0, 4)), "none.npy: data set is empty, needs at least one sample")
    refuse(
        "short.npy",
        npy_bytes([[0.5] * 4], (20, 4)),
        "short.npy: truncated: header promises 20 vectors of 4, found 1",
    )
    refuse(
        "text.npy",
        b"a,b\n1,2\n",
        'text.npy: starts with "a,b\\x0a1,", must start with "\\x93NUMPY" (an NPY file)',
    )
    rows[3] = [0.5, 1.5, 0.5, 0.5]
    (FOLDER / "wide.npy").write_bytes(npy_bytes(rows))
    message = (
        "wide.npy: sample 3, feature 1 is 1.5 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: set "
        "data/scale to [0, 1] or use a gaussian likelihood"
    )
    refuse_training(
        4,
        message,
        write_config("data.json", data={"train": {"format": "npy", "path": "wide.npy"}, "scale": "none"}),
    )
    refuse_training(
        4,
        message,
        write_config(
            "data.json",
            data={
                "train": {"format": "npy", "path": "unit.npy"},
                "test": {"format": "npy", "path": "wide.npy"},
                "scale": "none",
            },
        ),
    )

    refuse("nan.csv", b"a,b\n1,2\n3,nan\n", 'nan.csv:3: column 2 (b) is "nan", must be finite')
    refuse("word.csv", b"a,b\n1,2\n3,x\n", 'word.csv:3: column 2 (b) is "x", must be a number')
    refuse("ragged.csv", b"a,b\n1,2\n3\n", "ragged.csv:3: has 1 fields, must have 2 as the first line")
    refuse("empty.csv", b"", "empty.csv: data set is empty, needs at least one sample")
    refuse("header.csv", b"a,b\n", "header.csv: data set is empty, needs at least one sample")


def sizes():
    config = write_config("sizes.json", data={"train": BARS, "test": {**BARS, "size": 9}})
    refuse_training(
        4, "synthetic bars: samples have 81 features (9x9x1), must have 64 for this model (8x8x1)", config
    )
    (FOLDER / "narrow.npy").write_bytes(npy_bytes([[0.5] * 63] * 3))
    (FOLDER / "above.npy").write_bytes(npy_bytes([[0.5] * 63 + [2.0]]))
    (FOLDER / "nan.npy").write_bytes(npy_bytes([[0.5] * 63 + [NAN]]))
    (FOLDER / "z.npy").write_bytes(npy_bytes([[0.5] * 3]))
    for name, out in (("encode", "o.npy"), ("score", "o.npy"), ("reconstruct", "o.png")):
        refused(
            4,
            "narrow.npy: samples have 63 features (63), must have 64 for this model (8x8x1)",
            name,
            "run",
            "--in",
            "narrow.npy",
            "--out",
            out,
        )
        refused(
            4,
            "nan.npy: sample 0, feature 63 is nan, must be finite",
            name,
            "run",
            "--in",
            "nan.npy",
            "--out",
            out,
        )
        refused(
            4,
            "above.npy: sample 0, feature 63 is 2 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: set "
            "data/scale to [0, 1] or use a gaussian likelihood",
            name,
            "run",
            "--in",
            "above.npy",
            "--out",
            out,
        )
        refused(
            6,
            "absent.npy: cannot open: No such file or directory",
            name,
            "run",
            "--in",
            "absent.npy",
            "--out",
            out,
        )
        check(not (FOLDER / out).exists(), f"{name}: a refused input leaves no {out}")
    refused(
        4,
        "z.npy: rows have 3 values, must have 2 (latent dimensions)",
        "decode",
        "run",
        "--in",
        "z.npy",
        "--out",
        "o.npy",
    )
    refused(
        4,
        "synthetic bars: samples have 25 features (5x5x1), must have 64 for this model (8x8x1)",
        "evaluate",
        "run",
        "--set",
        "data.test.size=5",
    )
    run(
        "train",
        "good.json",
        "--out",
        "latent3",
        "--set",
        "model.latent.dim=3",
        "--set",
        "training.epochs=0",
        "--quiet",
    )
    run("train", "good.json", "--out", "latent3", "--set", "model.latent.dim=3", "--quiet", "--overwrite")
    refused(
        2, "manifold: the model has 3 latent dimensions, must have 2", "manifold", "latent3", "--out", "o.png"
    )
    flat = {
        "data": {"train": {"format": "npy", "path": "unit.npy"}},
        "training": {"epochs": 1, "batch_size": 10},
    }
    run("train", write_config("flat.json", **flat), "--out", "flat", "--quiet")
    refused(
        2,
        '--out: is "o.png", must end in .npy: samples of 4 features are no images',
        "sample",
        "flat",
        "--out",
        "o.png",
    )
    refused(3, "config /data/test: missing key, required to evaluate the test split", "evaluate", "flat")
    refused(
        3,
        "config /data/validation_fraction: is 0, must be > 0 to evaluate the validation split",
        "evaluate",
        "flat",
        "--split",
        "validation",
    )


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
        4,
        'run/checkpoints/last.safetensors: tensor "encoder.0.weight" is 12x64, must be 13x64 for this model',
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


def full_disk():
    """A limit on the size of files stands for a full disk: both end `write` in the middle."""

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


def main():
    write_config("good.json", optimizer={"type": "adam"})
    (FOLDER / "unit.npy").write_bytes(npy_bytes([[0.5] * 4] * 20))
    (FOLDER / "directory.npy").mkdir()
    run("train", "good.json", "--out", "run", "--quiet")
    for part in (configurations, data_files, sizes, checkpoints, places, full_disk, divergence, overwriting):
        part()
    print(f"{cases} cases")
    finish()


main()
