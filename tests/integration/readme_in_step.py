#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README shows what there is: its first program is cut line by line from examples/quickstart.cpp, its JSON is a
valid configuration, the files it points at exist, the commands it names are commands of vaekit."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

root = pathlib.Path(os.environ.get("VAEKIT_SOURCE", "."))
vaekit = pathlib.Path(os.environ.get("VAEKIT_BIN", "build/release/bin")) / "vaekit"
readme = (root / "README.md").read_text()
problems = []


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def check_program():
    program = blocks("cpp")[0]
    lines = len([line for line in program.splitlines() if line.strip()])
    if lines > 20:
        problems.append(f"the first program has {lines} lines, must have at most 20")
    if textwrap.indent(program, "  ") not in (root / "examples/quickstart.cpp").read_text():
        problems.append("the first program is not a run of lines of examples/quickstart.cpp")


def check_links():
    targets = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"|`((?:configs|examples|tests|docs|benchmarks)/[^ `]+)`", readme)
    targets += [(script,) for script in re.findall(r"`(?:bash|python3?) ([^ `]+)", readme)]
    for target in filter(None, (name for group in targets for name in group)):
        if not target.startswith("http") and not (root / target).exists():
            problems.append(f"{target} does not exist")


def run(*arguments):
    return subprocess.run([vaekit, *arguments], capture_output=True, text=True)


def check_commands():
    general = run("--help").stdout
    for command, rest in re.findall(r"^vaekit ([a-z]+)(.*)", "".join(blocks("sh")), re.MULTILINE):
        usage = run(command, "--help").stdout
        if usage == general:
            problems.append(f"vaekit {command} is no command")
        for option in re.findall(r"--[a-z-]+", rest):
            if option not in usage:
                problems.append(f"vaekit {command} has no option {option}")


def check_configuration():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "config.json"
        config.write_text(blocks("json")[0])
        synthetic = '{"format": "synthetic", "source": "shapes", "count": 100}'
        result = run("describe", config, "--set", f"data.train={synthetic}", "--set", "data.test=null")
        if result.returncode != 0:
            problems.append(f"the configuration is refused: {result.stderr.strip()}")


check_program()
check_links()
if vaekit.exists():
    check_commands()
    check_configuration()
print("\n".join(problems) if problems else "README.md is in step")
sys.exit(bool(problems))
