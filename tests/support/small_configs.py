# SPDX-License-Identifier: MIT
"""The configurations of configs/, cut down to few samples, which stand in for data that are not installed."""

import json
import random

from program import FOLDER, SOURCE, idx_bytes, npy_bytes

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
    (FOLDER / "table.csv").write_text(drawn_table(config["model"]["likelihood"]["groups"], source["label_column"]))
    return {"path": "table.csv"}, SAMPLES


def drawn_table(groups, label_column):
    """A CSV file whose columns each have values of their likelihood."""
    draws = random.Random(1)
    draw = {
        "gaussian": lambda _: draws.gauss(0, 1),
        "bernoulli": lambda _: draws.randrange(2),
        "negative_binomial": lambda _: draws.randrange(5),
        "continuous_bernoulli": lambda _: draws.random(),
        "categorical": lambda likelihood: draws.randrange(likelihood["classes"]),
    }
    columns = [group["likelihood"] for group in groups for _ in range(group["count"])]
    lines = [[f"c{i}" for i in range(len(columns))] + [label_column]]
    lines += [[draw[likelihood["type"]](likelihood) for likelihood in columns] + [0] for _ in range(SAMPLES)]
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


def drawn_image(draws, levels):
    """28 x 28 pixels: four rectangles of any grey on black."""
    image = [0] * 784
    for _ in range(4):
        top, left, height, width = (draws.randrange(low, high) for low, high in ((0, 20), (0, 20), (3, 9), (3, 9)))
        grey = draws.randrange(1, levels)
        for row in range(top, min(top + height, 28)):
            for column in range(left, min(left + width, 28)):
                image[28 * row + column] = grey
    return image


def write_images():
    """images.idx, binary.idx and labels.idx, which `little` names."""
    (FOLDER / "labels.idx").write_bytes(
        bytes([0, 0, 8, 1, 0, 0, 0, SAMPLES]) + bytes(i % 10 for i in range(SAMPLES))
    )
    for name, levels in (("images.idx", 256), ("binary.idx", 2)):
        draws = random.Random(1)
        images = [drawn_image(draws, levels) for _ in range(SAMPLES)]
        (FOLDER / name).write_bytes(idx_bytes(images, 28, 28))


def cut_down(path):
    """Writes the configuration for one epoch of two steps on few samples, and returns its file."""
    config = merged(path)
    data = config["data"]
    train, samples = little(data["train"], config)
    others = [split for split in ("validation", "test") if data.get(split)]
    changes = {"train": train, **{split: little(data[split], config)[0] for split in others}}
    if "labelled" in data.get("condition", {}):
        changes["condition"] = {**data["condition"], "labelled": 10, "labelled_share": 0}
    held_out = round(samples * data.get("validation_fraction", 0))
    training = {"epochs": 1, "batch_size": (samples - held_out + 1) // 2}
    prior = config["model"].get("prior", {})
    model = {"prior": {"components": 8}} if prior.get("pseudo_inputs") == "data" else {}
    small = FOLDER / path.name
    small.write_text(json.dumps({"extends": str(path), "data": changes, "model": model, "training": training}))
    return small
