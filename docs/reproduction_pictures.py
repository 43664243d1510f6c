#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws figures 2, 4 and 5 of Kingma & Welling 2014 from runs of this toolkit, into docs/images/.

    VAEKIT_BIN=build/release/bin python docs/reproduction_pictures.py --mnist FOLDER --frey FOLDER

Each FOLDER holds a run folder for each number of latent dimensions, `<anything>_<dimensions>`, trained by
configs/papers/aevb_mnist.json or aevb_frey.json with --set model.latent.dim=... Needs numpy, matplotlib and pillow.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

IMAGES = pathlib.Path(__file__).resolve().parent / "images"
COLORS = ["#3366aa", "#dd7722", "#449955", "#bb4466", "#7755aa", "#998833"]
SCALED = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7}


def runs_of(folder):
    """{dimensions: run folder}, in order."""
    found = {}
    for run in pathlib.Path(folder).iterdir():
        if (run / "metrics.jsonl").is_file():
            found[int(run.name.rsplit("_", 1)[1])] = run
    return dict(sorted(found.items()))


def bound_curve(run, split):
    """Training samples seen and the mean lower bound, an epoch a point."""
    config = json.loads((run / "config.json").read_text())
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["split"] == split]
    batch = config["training"]["batch_size"]
    return np.array([row["step"] * batch for row in rows]), np.array([row["elbo"] for row in rows])


def figure_2(axis, runs, title, ylim):
    for color, (dim, run) in zip(COLORS, runs.items()):
        axis.plot(*bound_curve(run, "train"), color=color, linewidth=1.2, label=f"{dim}")
        axis.plot(*bound_curve(run, "validation"), "--", color=color, linewidth=0.9)
    axis.set(xscale="log", xlabel="training samples seen", title=title, ylim=ylim)
    axis.legend(title="dimensions", frameon=False)


def picture_of(command, run, out, *arguments):
    program = pathlib.Path(os.environ.get("VAEKIT_BIN", "build/release/bin")) / "vaekit"
    subprocess.run([program, command, run, "--out", out, *arguments], check=True, stdout=subprocess.DEVNULL)
    return np.asarray(Image.open(out))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--frey", required=True)
    options = parser.parse_args()
    mnist, frey = runs_of(options.mnist), runs_of(options.frey)

    with plt.rc_context(SCALED):
        figure, axes = plt.subplots(1, 2, figsize=(8, 3.4))
        bounds = {dim: run for dim, run in mnist.items() if dim != 2}
        figure_2(axes[0], bounds, "MNIST: lower bound, nats (dashed: held out)", (-150, -90))
        figure_2(axes[1], frey, "Frey faces (dashed: held out)", (0, 1600))
        figure.tight_layout()
        figure.savefig(IMAGES / "aevb_figure_2.png", dpi=110)

        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "picture.png"
            figure, axes = plt.subplots(1, 2, figsize=(8, 4))
            for axis, runs in zip(axes, (frey, mnist)):
                axis.imshow(picture_of("manifold", runs[2], out), cmap="gray")
                axis.axis("off")
            figure.tight_layout()
            figure.savefig(IMAGES / "aevb_figure_4.png", dpi=110)

            dims = [dim for dim in (2, 5, 10, 20) if dim in mnist]
            figure, axes = plt.subplots(1, len(dims), figsize=(8, 2.3))
            for axis, dim in zip(axes, dims):
                axis.imshow(picture_of("sample", mnist[dim], out, "--count", "64", "--seed", "1"), cmap="gray")
                axis.set_title(f"{dim} dimensions")
                axis.axis("off")
            figure.tight_layout()
            figure.savefig(IMAGES / "aevb_figure_5.png", dpi=110)


if __name__ == "__main__":
    main()
