# SPDX-License-Identifier: MIT
"""Runs the vaekit program in a temporary folder and writes its inputs; what the integration scripts share."""

import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("VAEKIT_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
ENVIRONMENT_LINE = "vaekit "  # how the one line of `train` begins that is no error

BARS = {"format": "synthetic", "source": "bars", "size": 8, "count": 120}


def find_program():
    place = pathlib.Path(os.environ.get("VAEKIT_BIN", SOURCE / "build/release/bin"))
    program = place / "vaekit" if place.is_dir() else place
    if not program.is_file():
        print(f"{program} is not there: build the program vaekit first")
        sys.exit(77)
    return program.resolve()


PROGRAM = find_program()
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="vaekit-test-"))
failures = 0


def check(condition, message):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {message}", flush=True)


def check_equal(got, expected, what):
    check(got == expected, f"{what}\n  got      {got!r}\n  expected {expected!r}")


def finish():
    """Ends the script: removes the folder unless something failed."""
    if failures:
        print(f"{failures} failed; files are in {FOLDER}")
        sys.exit(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(0)


def command(*arguments):
    return [str(PROGRAM), *map(str, arguments)]


def run(*arguments, expect=0, **options):
    """Runs `vaekit arguments...` and checks its exit code, None for any; .stdout and .stderr are text."""
    result = subprocess.run(
        command(*arguments), cwd=FOLDER, capture_output=True, text=True, timeout=120, **options
    )
    check(
        expect is None or result.returncode == expect,
        f"vaekit {' '.join(map(str, arguments))}: exit code {result.returncode}, expected {expect}\n{result.stderr}",
    )
    return result


def start(*arguments):
    """Starts `vaekit arguments...` in the background; what it says on stderr is appended to background.txt."""
    with open(FOLDER / "background.txt", "a") as stderr:
        return subprocess.Popen(command(*arguments), cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=stderr)


def wait_until(condition, process, seconds=60):
    """True once `condition()` holds; False when the process ends first or time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process.poll() is not None:
            return condition()
        time.sleep(0.002)
    return False


def small_config(**changes):
    """A configuration that trains in a fraction of a second; `changes` replace whole top-level keys."""
    config = {
        "name": "small",
        "data": {"train": BARS, "test": {**BARS, "count": 40, "seed": 2}},
        "model": {
            "encoder": [{"type": "dense", "units": 12, "activation": "tanh"}],
            "latent": {"type": "gaussian", "dim": 2},
            "decoder": [{"type": "dense", "units": 12, "activation": "tanh"}],
        },
        "training": {"epochs": 2, "batch_size": 16},
    }
    config.update(changes)
    return config


def write_config(file, /, **changes):
    (FOLDER / file).write_text(json.dumps(small_config(**changes)))
    return file


def npy_bytes(rows, shape=None, dtype="<f4"):
    """The NPY file of `rows`, a list of lists of numbers."""
    shape = shape or (len(rows), len(rows[0]))
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    letter = {"<f4": "f", "<f8": "d", "|u1": "B"}[dtype]
    values = [value for row in rows for value in row]
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack(f"<{len(values)}{letter}", *values)
    )


def read_npy(path):
    """(shape, values) of an NPY file of floats."""
    data = pathlib.Path(path).read_bytes()
    assert data[:6] == b"\x93NUMPY", path
    size = struct.unpack("<H", data[8:10])[0]
    header = eval(data[10 : 10 + size].decode(), {"__builtins__": {}})  # a Python literal by definition
    letter, width = {"<f4": ("f", 4), "<f8": ("d", 8)}[header["descr"]]
    count = (len(data) - 10 - size) // width
    return header["shape"], struct.unpack(f"<{count}{letter}", data[10 + size :])


def idx_bytes(images, height, width, count=None, magic=0x00000803):
    """An IDX file of 8-bit images; `count` and `magic` may lie."""
    count = len(images) if count is None else count
    return struct.pack(">4I", magic, count, height, width) + b"".join(map(bytes, images))


def gzip_bytes(data):
    return gzip.compress(data, mtime=0)


def read_metrics(run_folder):
    return [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]


def without_timing(rows):
    return [
        {key: value for key, value in row.items() if key not in ("seconds", "samples_per_second")}
        for row in rows
    ]
