#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the include rules of the library and prints each line that breaks one.

A header includes from its own folder and from folders before it in FOLDERS; nlohmann_json is included in one place;
OpenMP is spoken to in core/parallel.hpp and kernels/; the umbrella pulls in no library beyond Eigen and xsimd.
"""
import os
import pathlib
import re
import sys

FOLDERS = ["core", "kernels", "nn", "distributions", "latent", "objectives", "model", "optim", "data", "io",
           "evaluate", "compress", "train", "config", "app"]
ANYWHERE = {"version.hpp", "fwd.hpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

root = pathlib.Path(os.environ.get("VAEKIT_SOURCE", ".")) / "include" / "vaekit"
problems = []


def includes(path):
    """(line number, delimiter, included name) of each include of a file."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def check_direction(path, relative):
    folder = relative.parts[0] if len(relative.parts) > 1 else None
    if folder is not None and folder not in FOLDERS:
        problems.append(f"{relative}: folder {folder} has no place in FOLDERS of {pathlib.Path(__file__).name}")
        return
    for number, delimiter, name in includes(path):
        where = f"{relative}:{number}"
        if not name.startswith("vaekit/"):
            if delimiter == '"':
                problems.append(f'{where}: "{name}" must be written as "vaekit/..."')
            continue
        if delimiter == "<":
            problems.append(f'{where}: <{name}> must be written with quotes')
        target = name.removeprefix("vaekit/")
        if not (root / target).is_file():
            problems.append(f"{where}: {name} does not exist")
        elif target in ANYWHERE or relative.name == "vaekit.hpp":
            continue
        elif "/" not in target:
            problems.append(f"{where}: {name} must not be included by the library")
        elif folder is None or FOLDERS.index(target.split("/")[0]) > FOLDERS.index(folder):
            problems.append(f"{where}: {name} points up; {relative} may include from its own folder and before")


def check_confined(path, relative):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{relative}:{number}"
        if re.search(r"#\s*include\s*<nlohmann/", line) and str(relative) != "io/json.hpp":
            problems.append(f"{where}: nlohmann_json is included by io/json.hpp alone")
        openmp = re.search(r"#\s*pragma\s+omp|<omp\.h>|\bomp_[a-z_]+\(", line)
        if openmp and str(relative) != "core/parallel.hpp" and relative.parts[0] != "kernels":
            problems.append(f"{where}: OpenMP is used by core/parallel.hpp and kernels/ alone")


def check_umbrella():
    """No header reached from vaekit.hpp includes a library that has to be linked or is slow to compile."""
    seen, queue = set(), [("vaekit.hpp", "vaekit.hpp")]
    while queue:
        name, chain = queue.pop()
        if name in seen or not (root / name).is_file():
            continue
        seen.add(name)
        for _, _, included in includes(root / name):
            if re.match(r"(zlib\.h|png\.h|nlohmann/|CLI/)", included):
                problems.append(f"vaekit.hpp: reaches <{included}> by {chain}")
            if included.startswith("vaekit/"):
                target = included.removeprefix("vaekit/")
                queue.append((target, f"{chain} > {target}"))


headers = sorted(root.rglob("*.hpp"))
if not headers:
    problems.append(f"no header in {root}")
for header in headers:
    check_direction(header, header.relative_to(root))
    check_confined(header, header.relative_to(root))
check_umbrella()
print("\n".join(problems) if problems else f"{len(headers)} headers keep the rules")
sys.exit(bool(problems))
