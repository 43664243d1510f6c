#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line without a run: help, usage errors, a standard output that cannot be written, the schema."""

import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from program import FOLDER, check, check_equal, command, finish, run, write_config

SUBCOMMANDS = [
    "train",
    "evaluate",
    "sample",
    "reconstruct",
    "encode",
    "decode",
    "interpolate",
    "traverse",
    "manifold",
    "score",
    "metrics",
    "describe",
    "doctor",
    "scatter",
    "sweep",
    "schema",
    "compress",
    "decompress",
]


def check_help():
    for arguments in [["--help"], *([name, "--help"] for name in SUBCOMMANDS)]:
        result = run(*arguments)
        check(
            result.stdout.find("Usage:") >= 0 and result.stderr == "",
            f"{arguments}: help goes to stdout alone",
        )
    for name in SUBCOMMANDS:
        check(f"\n  {name} " in run("--help").stdout, f"--help lists {name}")
    check(re.fullmatch(r"vaekit \d+\.\d+\.\d+\n", run("--version").stdout), "--version prints one line")


def check_usage():
    for arguments in [
        [],
        ["train"],
        ["evaluate"],
        ["train", "a.json", "--bogus"],
        ["train", "a.json", "--threads", "many"],
        ["train", "a.json", "--resume", "--overwrite"],
        ["evaluate", "run", "--split", "tset"],
        ["evaluate", "run", "--ais-steps", "10"],
        ["metrics", "run", "--sampler", "mixture"],
        ["metrics", "run", "--condition", "2"],
        ["metrics", "run", "--outliers", ""],
        ["metrics", "run", "--features", ""],
        ["reconstruct", "run", "--out", "a.png", "--condition", "3"],
        ["train", "a.json", "--out", ""],
        ["sample", "run"],
        ["sample", "run", "--out", "a.png", "--count", "0"],
    ]:
        result = run(*arguments, expect=2)
        check(
            result.stdout == "" and result.stderr.count("\n") == 1,
            f"{arguments}: one line on stderr, got {result.stderr}",
        )
        check(result.stderr.endswith("; see vaekit --help\n"), f"{arguments}: points at --help")
    check_equal(run(expect=2).stderr, "a command is required; see vaekit --help\n", "no command")
    check(
        re.fullmatch(
            r'vaekit: unknown command "evaluat"; known: compress, .*; did you mean "evaluate"\?\n',
            run("evaluat", "run", expect=2).stderr,
        ),
        "a misspelt command is named",
    )
    sample = ["sample", "run", "--out", "a.png"]
    seed = "must be a whole number from 0 to 18446744073709551615"
    for arguments, message in [
        (["train", "a.json", "--seed", "-1"], f'--seed: is "-1", {seed}'),
        (["train", "a.json", "--seed", ""], f'--seed: is "", {seed}'),
        ([*sample, "--seed", "99999999999999999999"], f'--seed: is "99999999999999999999", {seed}'),
        ([*sample, "--temperature", "nan"], "--temperature: is nan, must be a number >= 0"),
        ([*sample, "--temperature", "-1"], "--temperature: is -1, must be a number >= 0"),
        (["traverse", "run", "--out", "a.png", "--range", "0"], "--range: is 0, must be a number > 0"),
        ([*sample, "--components", "4"], "--components: is 4, must be left out without --sampler mixture"),
        (
            [*sample, "--sampler", "flow", "--components", "4"],
            "--components: is 4, must be left out without --sampler mixture",
        ),
    ]:
        check_equal(run(*arguments, expect=2).stderr, message + "\n", f"{arguments}")


def check_unwritten_output():
    """Results that cannot be written are an error; an error of its own keeps its code."""
    for arguments, code in [(["schema"], 6), (["--help"], 6), (["describe", "config.json"], 6), (["describe", "x"], 6)]:
        with open("/dev/full", "w") as full:
            result = subprocess.run(
                command(*arguments), cwd=FOLDER, stdout=full, stderr=subprocess.PIPE, text=True
            )
        check_equal(result.returncode, code, f"{arguments}: exit code")
        expected = "x: cannot open" if "x" in arguments else "stdout: cannot write: No space left on device\n"
        check(result.stderr.startswith(expected) and result.stderr.count("\n") == 1, f"{arguments}: {result.stderr}")
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command("schema")], cwd=FOLDER, stderr=subprocess.PIPE, text=True
    )
    check_equal(
        (closed.returncode, closed.stderr), (6, "stdout: cannot write: Bad file descriptor\n"), "closed stdout"
    )


def check_schema():
    schema = json.loads(run("schema").stdout)
    check_equal(
        set(schema["$defs"]["config"]["properties"]),
        {"$schema", "name", "seed", "precision", "data", "model", "objective", "optimizer", "training"},
        "top-level keys",
    )
    check(run("schema", "--markdown").stdout.startswith("#"), "schema --markdown")


write_config("config.json")
check_help()
check_usage()
check_unwritten_output()
check_schema()
finish()
