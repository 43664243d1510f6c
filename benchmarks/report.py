# SPDX-License-Identifier: MIT
"""Writes benchmarks/README.md from the results that benchmarks/run.sh left in the build folder.

  python3 benchmarks/report.py BUILD_FOLDER
"""
import argparse
import datetime
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable

from results import OURS, PYTORCH, Record, Results, speed_ratio

KINDS = ("trained", "random weights")  # of weights, where their values make a difference


def geometric_mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def gemm_share(results: Results, threads: int) -> float | None:
    """Geometric mean over all products of our share of the FMA peak."""
    peak = results.peak(threads)
    records = [results.get("gemm", name, OURS, threads) for name in results.names("gemm")]
    return geometric_mean(r.value("GFLOP") / peak for r in records if r)


def gemm_ratio(results: Results, threads: int) -> float | None:
    """Geometric mean over all products of our rate over the better one of OpenBLAS and oneDNN."""
    ratios = []
    for name in results.names("gemm"):
        peers = [r for peer in ("OpenBLAS", "oneDNN") if (r := results.get("gemm", name, peer, threads))]
        ours = results.get("gemm", name, OURS, threads)
        if ours and peers:
            ratios.append(min(r.median for r in peers) / ours.median)
    return geometric_mean(ratios)


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if value else "0"


def with_spread(record: Record | None) -> str:
    return f"{number(record.median)} ± {number(record.spread)}" if record else "–"


def times(ratio: float | None) -> str:
    return f"{ratio:.3g}x" if ratio is not None else "–"


def percent(share: float | None) -> str:
    return f"{100 * share:.0f} %" if share is not None else "–"


def smallest_family_ratio(results: Results) -> float | None:
    ratios = [results.ratio("family", name, PYTORCH) for name in results.names("family")]
    return min((r for r in ratios if r is not None), default=None)


def family_name(results: Results) -> str:
    """Says which member of the family has the smallest ratio."""
    smallest = smallest_family_ratio(results)
    names = [n for n in results.names("family") if smallest and results.ratio("family", n, PYTORCH) == smallest]
    return f"each member of the family, the smallest ratio ({names[0]})" if names else "each member of the family"


def goal_rows(results: Results) -> list[list[str]]:
    """What must be reached and what was measured."""
    def share(threads: int) -> float | None:
        record = results.get("training_step", "784-400-20 batch 128", OURS, threads)
        return record.value("share") if record else None

    def against(topic: str, name: str, *peers: str) -> list[float | None]:
        return [results.ratio(topic, name, peer) for peer in peers]

    three = ("PyTorch eager", "PyTorch compile", "JAX jit")
    two = ("PyTorch eager", "ONNX Runtime")
    estimators = ("PyTorch eager", "PyTorch compile")
    step, small = "784-400-20 batch 128", "64-32-8 batch 32"
    likelihood, wide_likelihood = "784-400-20, K = 5000", "784-400-40, K = 5000"
    goals = [  # what, must, aim, measured, format
        ("GEMM, geometric mean of the share of the FMA peak, 1 / 2 threads", [0.80, 0.72], [0.90, 0.85],
         [gemm_share(results, 1), gemm_share(results, 2)], percent),
        ("GEMM against the better of OpenBLAS and oneDNN, geometric mean, 1 / 2 threads", [1.0, 1.0], [1.15, 1.15],
         [gemm_ratio(results, 1), gemm_ratio(results, 2)], times),
        (f"training step {step}: share of the FMA roofline, 1 / 2 threads", [0.80, 0.72], [0.88, 0.82],
         [share(1), share(2)], percent),
        (f"training step {step} against PyTorch eager / torch.compile / JAX jit", [1.3, 1.2, 1.2], [2, 1.6, 1.6],
         against("training_step", step, *three), times),
        (f"training step {small} against the same three", [5, 5, 5], [15, 15, 15],
         against("training_step", small, *three), times),
        *((f"latency of {call}, batch 1, {kind}, against PyTorch eager / ONNX Runtime", [5, 1.2], [10, 2],
           against("latency", f"{call}, {kind}", *two), times)
          for call in ("encode", "decode") for kind in KINDS),
        ("Adam on 1 M parameters against PyTorch fused", [1.0], [1.5],
         against("adam", "1M parameters", "PyTorch fused"), times),
        *((f"log-likelihood, {name}, {kind}, against PyTorch eager / torch.compile", [must, must], [3, 3],
           against("log_likelihood", f"{name}, {kind}", *estimators), times)
          for name, must in ((likelihood, 1.5), (wide_likelihood, 2)) for kind in KINDS),
        (f"training step of {family_name(results)}, against PyTorch eager", [1.3], [2],
         [smallest_family_ratio(results)], times),
    ]
    rows = []
    for what, must, aim, measured, show in goals:
        rows.append([what, *(" / ".join(map(show, values)) for values in (must, aim, measured)),
                     verdict(must, aim, measured)])
    return rows


def verdict(must: list[float], aim: list[float], measured: list[float | None]) -> str:
    if None in measured:
        return "not measured"
    if all(m >= a for m, a in zip(measured, aim)):
        return "aim reached"
    return "reached" if all(m >= a for m, a in zip(measured, must)) else "**missed**"


def gemm_table(results: Results, threads: int) -> str:
    peers = results.peers("gemm")
    rows = []
    for name in results.names("gemm"):
        records = {peer: results.get("gemm", name, peer, threads) for peer in peers}
        others = [r for peer, r in records.items() if r and peer in ("OpenBLAS", "oneDNN")]
        best = min(others, key=lambda r: r.median) if others else None
        share = records[OURS].value("GFLOP") / results.peak(threads)
        rows.append([name, *(number(r.value("GFLOP")) if r else "–" for r in records.values()), percent(share),
                     times(speed_ratio(records[OURS], best))])
    return table(["batch out in, product", *peers, "of the peak", "against the better BLAS"], rows)


def time_and_error(record: Record | None) -> str:
    if record is None:
        return "–"
    time = number(1e9 / record.value("items_per_second"))
    error = record.value("ulp")
    return time if error is None else f"{time} ({number(error)})"


def elementwise_table(results: Results) -> str:
    peers = results.peers("elementwise")
    rows = []
    for name in results.names("elementwise"):
        records = {peer: results.get("elementwise", name, peer, 1) for peer in peers}
        others = [r for peer, r in records.items() if r and peer != OURS]
        best = min(others, key=lambda r: r.median) if others else None
        rows.append([name, *map(time_and_error, records.values()),
                     times(speed_ratio(records[OURS], best))])
    return table(["ns an element (ULP)", *peers, "against the best"], rows)


def peer_table(results: Results, topic: str) -> str:
    """Medians by case and threads, and our speed against each peer at the better number of threads."""
    peers = results.peers(topic)
    rows = []
    for name in results.names(topic):
        for threads in (1, 2):
            records = [results.get(topic, name, peer, threads) for peer in peers]
            if any(records):
                unit = next(r.unit for r in records if r)
                rows.append([f"{name}, {threads} thread{'s'[: threads - 1]}, {unit}", *map(with_spread, records)])
        ratios = [times(results.ratio(topic, name, peer)) for peer in peers[1:]]
        rows.append([f"**{name}: {OURS} is faster by**", "", *ratios])
    return table(["", *peers], rows)


def family_table(results: Results) -> str:
    """One row a member: the better number of threads of each side, in brackets."""
    def best(name: str, peer: str) -> str:
        record = results.best("family", name, peer)
        threads = next((t for t in (1, 2) if record and results.get("family", name, peer, t) is record), 0)
        return f"{with_spread(record)} ({threads})" if record else "–"

    rows = []
    for name in results.names("family"):
        count = results.best("family", name, OURS)
        parameters = f"{count.value('parameters'):,.0f}" if count else "–"
        rows.append([name, parameters, best(name, OURS), best(name, PYTORCH),
                     times(results.ratio("family", name, PYTORCH))])
    return table(["", "parameters", f"{OURS}, ms (threads)", f"{PYTORCH}, ms (threads)", f"{OURS} is faster by"], rows)


def latency_table(results: Results) -> str:
    rows = []
    for (topic, name, peer, threads), record in results.records.items():
        if topic == "latency":
            ratio = results.ratio(topic, name, peer)
            rows.append([name, peer, str(threads), with_spread(record), number(record.value("p99")),
                         "" if peer == OURS else times(ratio)])
    rows.sort(key=lambda row: (row[0].startswith("decode"), row[0], row[1] != OURS, row[1], row[2]))
    return table(["call", "library", "threads", "median, µs", "99th percentile, µs", "vaekit is faster by"], rows)


def single_table(results: Results, topic: str) -> str:
    """Topics where each library has one number a case."""
    peers = results.peers(topic)
    rows = []
    for name in results.names(topic):
        records = [next((r for (t, n, p, _), r in results.records.items() if (t, n, p) == (topic, name, peer)), None)
                   for peer in peers]
        rows.append([f"{name}, {next(r.unit for r in records if r)}", *map(with_spread, records)])
    return table(["", *peers], rows)


def first_line(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "not there"


def machine(results: Results, build: pathlib.Path) -> str:
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w+=(.*)", (build / "CMakeCache.txt").read_text())
    peaks = " / ".join(number(peak) for threads in (1, 2) if (peak := results.peak(threads))) or "not measured"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        f"- {cpu.group(1) if cpu else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, {datetime.date.today()}",
        f"- FMA peak in float, measured next to every product: {peaks} GFLOP/s on one / two threads",
        f"- vaekit built by {first_line(compiler.group(1), '--version') if compiler else 'an unknown compiler'}, "
        f"Release, -march=native; {first_line('clang++', '--version')} for compile times",
        "- " + ", ".join(f"{name} {version}" for name, version in sorted(results.versions.items())),
    ]
    return "\n".join(lines) + "\n"


INTRODUCTION = """\
# Benchmarks

Written by `benchmarks/run.sh`; do not edit. Every figure is a median, ± is the larger of the interquartile range and
the distance between runs. Our programs run before and after their peers, one process at a time; the repetitions of
matrix products mix all libraries at random within one process. All peers have the same parameters, data, batch and
steps, data in memory, and warm up first; what they compute is compared before anything is written here. "Faster by"
compares each library at its better number of threads.
"""

REPRODUCE = """\
## Reproduce

```
bash benchmarks/run.sh                       # all, and this file
bash benchmarks/run.sh --quick               # short measurements: does everything work?
bash benchmarks/run.sh --only training_step  # one topic; they are listed in run.sh
VAEKIT_PEER_PYTHON=python3 bash benchmarks/run.sh   # with an interpreter that has torch, jax, onnxruntime, onnx, scipy
```

[limits.md](limits.md) says what holds back the figures that are missed; [family.md](family.md) has a training step of
every named model against PyTorch, from another day.
"""


def sections(results: Results) -> Iterable[tuple[str, str, str]]:
    """Topic, heading and text with table."""
    peers = lambda topic: lambda: peer_table(results, topic)
    single = lambda topic: lambda: single_table(results, topic)
    gemm = lambda: "".join(f"\n{n} thread{'s'[: n - 1]}, GFLOP/s:\n\n{gemm_table(results, n)}" for n in (1, 2))
    texts = [
        ("gemm", "Products of a dense layer", "y = x Wᵀ (forward), dX = dY W, dW = dYᵀ x in float.", gemm),
        ("elementwise", "Elementwise functions",
         "Float, one thread, in the second-level cache; in brackets the largest error met, in units in the last place.",
         lambda: elementwise_table(results)),
        ("adam", "Adam", "One step; bound by memory, 28 bytes a parameter.", peers("adam")),
        ("training_step", "Training steps", "Noise, forward, backward, Adam.", peers("training_step")),
        ("family", "The family",
         "A training step of each named model, at about the sizes of its paper with dense networks "
         "(benchmarks/family.json): noise, forward, backward, Adam, and what the model learns besides (codebook, "
         "discriminator). Both sides start from the same parameters; their losses there must agree within 2 %, for "
         "each draws noise of its own.",
         lambda: family_table(results)),
        ("epoch", "Epochs", "Shuffled batches from bytes in memory, through `Trainer`.", peers("epoch")),
        ("latency", "Latency of single calls",
         "784-400-20, batch 1. Trained: ten epochs of Fashion-MNIST, on test images in turn and their posterior means; "
         "black pixels and units that the ReLU leaves at 0 are left out with their weights. PyTorch and ONNX Runtime are called from Python, ONNX Runtime with bound inputs and "
         "outputs.", lambda: latency_table(results)),
        ("log_likelihood", "Importance-sampled log-likelihood",
         "Encode once, samples in chunks, streamed log-sum-exp. Trained: ten epochs of Fashion-MNIST, on test images; "
         "the decoder's ReLU leaves many units at 0 for all samples of one image, and these are left out. Random "
         "weights: every unit is on for some sample.",
         peers("log_likelihood")),
        ("memory", "Memory", "High-water mark of a process that trains an epoch on two threads, data included.",
         single("memory")),
        ("compile_time", "Compile time", "One translation unit at -O2.", single("compile_time")),
    ]
    for topic, heading, text, make_table in texts:
        if results.names(topic):
            yield heading, text, make_table()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "README.md")
    args = parser.parse_args()
    results = Results(args.build / "results")
    results.check_agreement()
    parts = [INTRODUCTION, machine(results, args.build), "## What must be reached\n",
             table(["what", "must", "aim", "measured", ""], goal_rows(results))]
    for heading, text, content in sections(results):
        parts += [f"## {heading}\n", text + "\n", content.lstrip("\n")]
    args.output.write_text("\n".join([*parts, REPRODUCE]))
    print(args.output)


if __name__ == "__main__":
    main()
