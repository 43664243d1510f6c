#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every configuration in configs/ is described as it stands, and trained for two steps on little data."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import FOLDER, SOURCE, check, check_equal, finish, idx_bytes, npy_bytes, read_metrics, run

SAMPLES = 64
CONFIGS = sorted(path for path in (SOURCE / "configs").rglob("*.json") if path.name != "config.schema.json")


def merged(path):
    """The configuration with what it extends; sources of data are replaced, other objects are merged."""

    def lay(over, base):
        if not (isinstance(over, dict) and isinstance(base, dict)):
            return over
        return {**base, **{key: lay(value, base.get(key)) for key, value in over.items()}}

    config = json.loads(path.read_text())
    parent = config.pop("extends", None)
    return lay(config, merged(path.parent / parent)) if parent else config


def little(source, config):
    """What to set in a data source, and the number of its samples."""
    if source["format"] == "synthetic":
        return {"count": SAMPLES}, SAMPLES
    if source["format"] == "idx":
        images = "binary.idx" if config["data"].get("scale") == "none" else "images.idx"
        return {"path": images, **({"labels": "labels.idx"} if "labels" in source else {})}, SAMPLES
    path = (SOURCE / "configs" / source["path"]).resolve()
    if path.is_file():
        return {"path": str(path)}, len(path.read_text().splitlines()) - 1
    if source["format"] == "npy":
        (FOLDER / "counts.npy").write_bytes(npy_bytes([[(i * j) % 5 for j in range(40)] for i in range(SAMPLES)]))
        return {"path": "counts.npy"}, SAMPLES
    # A table of zeros, which every likelihood of its columns takes.
    columns = sum(group["count"] for group in config["model"]["likelihood"]["groups"])
    header = ",".join([f"c{i}" for i in range(columns)] + [source["label_column"]])
    (FOLDER / "table.csv").write_text("\n".join([header] + [",".join(["0"] * (columns + 1))] * SAMPLES) + "\n")
    return {"path": "table.csv"}, SAMPLES


(FOLDER / "labels.idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, SAMPLES]) + bytes(i % 10 for i in range(SAMPLES)))
for name, levels in (("images.idx", 256), ("binary.idx", 2)):
    images = [[(i * 7 + j * 3) % levels for j in range(784)] for i in range(SAMPLES)]
    (FOLDER / name).write_bytes(idx_bytes(images, 28, 28))
check(len(CONFIGS) >= 10, f"found {len(CONFIGS)} configurations")
for path in CONFIGS:
    data = merged(path)["data"]
    config = merged(path)
    train, samples = little(data["train"], config)
    others = [split for split in ("validation", "test") if data.get(split)]
    changes = {"train": train, **{split: little(data[split], config)[0] for split in others}}
    if "labelled" in data.get("condition", {}):
        changes["condition"] = {**data["condition"], "labelled": 10, "labelled_share": 0}
    held_out = round(samples * data.get("validation_fraction", 0))
    training = {"epochs": 1, "batch_size": (samples - held_out + 1) // 2}
    small = FOLDER / path.name
    prior = config["model"].get("prior", {})
    model = {"prior": {"components": 8}} if prior.get("pseudo_inputs") == "data" else {}
    little_config = {"extends": str(path), "data": changes, "model": model, "training": training}
    small.write_text(json.dumps(little_config))

    there = (
        data["train"]["format"] == "synthetic"
        or (path.parent / data["train"]["path"]).is_file()
    )
    if not there:
        print(f"{path.name}: its data set is not installed, described with another one")
    text = run("describe", path if there else small).stdout
    check(
        text.startswith(merged(path)["name"] + ": ") and "\ntotal " in text, f"describe {path.name}: {text}"
    )

    result = run("train", small, "--out", path.stem, "--quiet", "--threads", 1)
    if result.returncode == 0:
        rows = read_metrics(FOLDER / path.stem)
        check_equal({row["step"] for row in rows}, {2}, f"{path.name}: steps")
        check("test" not in others or any(row["split"] == "test" for row in rows), f"{path.name}: tested")
finish()
