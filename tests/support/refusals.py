# SPDX-License-Identifier: MIT
"""What the scripts share that hold bad input to its message, its exit code and to leaving files alone."""

import re

from program import ENVIRONMENT_LINE, FOLDER, check, check_equal, npy_bytes, run, write_config

NAN, INF = float("nan"), float("inf")


def refused(code, message, *arguments, **options):
    """`vaekit arguments...` must end with `code` and print `message` (text or a pattern) alone, besides the
    lines that `train` begins with."""
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


def make_run():
    """good.json, and a run of it in run/."""
    write_config("good.json", optimizer={"type": "adam"})
    run("train", "good.json", "--out", "run", "--quiet")
    (FOLDER / "unit.npy").write_bytes(npy_bytes([[0.5] * 4] * 20))
