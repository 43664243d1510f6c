#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every configuration in configs/ is described as it stands, and trained for two steps on little data."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import FOLDER, check, check_equal, finish, read_metrics, run
from small_configs import CONFIGS, cut_down, merged, write_images

write_images()
check(len(CONFIGS) >= 10, f"found {len(CONFIGS)} configurations")
for path in CONFIGS:
    data = merged(path)["data"]
    small = cut_down(path)
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
        check(not data.get("test") or any(row["split"] == "test" for row in rows), f"{path.name}: tested")
finish()
