#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad data files, and data that do not fit a model: the exact one-line message, exit code 4, nothing left behind."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import BARS, FOLDER, check, finish, gzip_bytes, idx_bytes, npy_bytes, run, write_config
from refusals import INF, NAN, make_run, refuse_training, refused


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


make_run()
data_files()
sizes()
finish()
