# SPDX-License-Identifier: MIT
"""Measures the seconds that g++ and clang++ take for a translation unit with the umbrella header, and for one that
only runs a model, at -O2.

  python3 benchmarks/compile_time.py BUILD_FOLDER [--repetitions 3]

The include paths are those of the benchmarks in the build folder.
"""
import argparse
import json
import pathlib
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time

UNITS = {
    "includes vaekit/vaekit.hpp": """\
#include <vaekit/vaekit.hpp>
int main() {}
""",
    "runs a model": """\
#include <vaekit/distributions/bernoulli.hpp>
#include <vaekit/model/vae.hpp>
#include <vaekit/nn/sequential.hpp>
using namespace vaekit;
int main() {
  const DenseConfig hidden{.units = 400, .activation = Activation::relu};
  Vae model(Sequential(Dense<>(hidden, Shape::flat(784))), GaussianLatent<>({.dim = 20}),
            Sequential(Dense<>(hidden, Shape::flat(20))), Bernoulli<>({}, 784));
  auto workspace = model.make_workspace(1);
  Matrix<float> z(1, 20);
  Matrix<float> image(1, 784);
  model.decode(z, workspace, image);
}
""",
}


def include_options(build: pathlib.Path) -> list[str]:
    """The -I and -isystem options of a benchmark."""
    commands = json.loads((build / "compile_commands.json").read_text())
    command = next(c["command"] for c in commands if c["file"].endswith("end_to_end/training_step.cpp"))
    words = shlex.split(command)
    options = [word for word in words if word.startswith("-I")]
    for option, path in zip(words, words[1:]):
        if option == "-isystem":
            options += [option, path]
    return options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    includes = include_options(args.build)
    for compiler in filter(shutil.which, ["g++", "clang++"]):
        for name, text in UNITS.items():
            samples = []
            with tempfile.TemporaryDirectory() as folder:
                source = pathlib.Path(folder) / "unit.cpp"
                source.write_text(text)
                command = [compiler, "-std=c++20", "-O2", *includes, "-c", source, "-o", source.with_suffix(".o")]
                for _ in range(args.repetitions):
                    start = time.perf_counter()
                    subprocess.run(command, check=True)
                    samples.append(time.perf_counter() - start)
            record = {"topic": "compile_time", "name": name, "peer": compiler, "threads": 1, "unit": "s",
                      "median": statistics.median(samples), "spread": max(samples) - min(samples),
                      "samples": len(samples)}
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
