# SPDX-License-Identifier: MIT
"""What all peers share: models, data and the way of measuring, as in support/workload.hpp and support/record.hpp.

Parameters and pixels are functions of their position, so that every peer computes the same numbers; `check` in a
record is a result that must agree between peers.
"""
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from options import OPTIONS  # before numpy

import numpy as np

EPOCH_IMAGES = 60_000
BATCH = 128
LOG_LIKELIHOOD_SAMPLES = 5000
LOG_LIKELIHOOD_IMAGES = 10
LATENT_LIST = 100  # list of random numbers that the latent vector of the latency benchmark takes


@dataclass(frozen=True)
class Sizes:
    """Sizes of a VAE with one hidden layer on each side, for images of side x side."""

    name: str
    side: int
    hidden: int
    latent: int

    @property
    def features(self) -> int:
        return self.side * self.side


QUICKSTART = Sizes("784-400-20", 28, 400, 20)
SMALL = Sizes("64-32-8", 8, 32, 8)
WIDE = Sizes("784-400-40", 28, 400, 40)
# Model, batch and training steps that make one sample.
STEP_CASES = [(QUICKSTART, 128, 8), (QUICKSTART, 512, 2), (SMALL, 32, 100)]
STEP_BATCHES = 4  # different batches, in turn


def scramble(x: np.ndarray) -> np.ndarray:
    """A random bijection of 32-bit words (the finaliser of MurmurHash3)."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def uniform(list_number: int, count: int) -> np.ndarray:
    """The first `count` numbers, uniform on [-1, 1), of a list."""
    first = list_number * 1_000_003 % 2**32
    positions = np.arange(first, first + count, dtype=np.uint64).astype(np.uint32)
    return scramble(positions) * 2.0**-31 - 1


def parameters(sizes: Sizes) -> list[np.ndarray]:
    """Weights [out, in] and biases [out] of encoder, posterior head, decoder and likelihood head."""
    layers = [
        (sizes.hidden, sizes.features),
        (2 * sizes.latent, sizes.hidden),
        (sizes.hidden, sizes.latent),
        (sizes.features, sizes.hidden),
    ]
    tensors = []
    for outputs, inputs in layers:
        bound = 1 / np.sqrt(inputs)
        weight = bound * uniform(len(tensors), outputs * inputs)
        tensors.append(weight.reshape(outputs, inputs).astype(np.float32))
        tensors.append((bound * uniform(len(tensors), outputs)).astype(np.float32))
    return tensors


def pixels(sizes: Sizes, count: int) -> np.ndarray:
    """Ten kinds of stripes with noise, uint8 [count, features]."""
    result = np.empty((count, sizes.features), np.uint8)
    j = np.arange(sizes.features)
    kinds = np.arange(10)[:, None]
    stripes = (j // sizes.side * (kinds + 1) + j % sizes.side * (kinds + 3)) % 16 * 12
    block = 1000  # images at a time, so that making the data takes little memory
    for first in range(0, count, block):
        image = np.arange(first, min(first + block, count))[:, None]
        noise = scramble((image * sizes.features + j).astype(np.uint32)) >> np.uint32(26)
        result[first : first + block] = stripes[image[:, 0] % 10] + noise
    return result


def images(sizes: Sizes, count: int) -> np.ndarray:
    """The first `count` images, scaled to [0, 1]."""
    return pixels(sizes, count).astype(np.float32) / 255


def trained(sizes: Sizes) -> tuple[list[np.ndarray], np.ndarray] | None:
    """Parameters of a trained model and images, as support/trained.hpp wrote them; None where it did not."""
    path = OPTIONS.models / f"{sizes.name}.safetensors" if OPTIONS.models else None
    if path is None or not path.exists():
        return None
    content = path.read_bytes()
    data = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:data])

    def tensor(name: str) -> np.ndarray:
        begin, end = (data + offset for offset in header[name]["data_offsets"])
        return np.frombuffer(content[begin:end], np.float32).reshape(header[name]["shape"]).copy()

    return [tensor(str(i)) for i in range(8)], tensor("images")


def latent_vector() -> np.ndarray:
    return uniform(LATENT_LIST, QUICKSTART.latent).astype(np.float32)[None, :]


def print_record(topic: str, name: str, peer: str, unit: str, samples: list[float], **more: float) -> None:
    """Prints the median and the interquartile range ("spread") of `samples`."""
    low, median, high = np.quantile(samples, [0.25, 0.5, 0.75])
    record = {"topic": topic, "name": name, "peer": peer, "threads": OPTIONS.threads, "unit": unit,
              "median": float(median), "spread": float(high - low), "samples": len(samples)}
    print(json.dumps(record | more), flush=True)


def print_version(peer: str, version: str) -> None:
    print(json.dumps({"topic": "version", "peer": peer, "version": version}), flush=True)


def time_chunks(chunk: Callable[[], None], seconds: float, least: int = 6) -> list[float]:
    """Seconds of each call of `chunk`; the first is the warm-up."""
    chunk()
    samples = []
    begin = time.perf_counter()
    while len(samples) < least - 1 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        chunk()
        samples.append(time.perf_counter() - start)
    return samples


def print_steps(peer: str, case: tuple[Sizes, int, int], step: Callable[[int], None], wait: Callable[[], None],
                check: float) -> None:
    """Measures training steps: `step(i)` trains on batch i, `wait` returns when all steps are done."""
    sizes, batch, steps = case
    count = 0

    def chunk() -> None:
        nonlocal count
        for _ in range(steps):
            step(count % STEP_BATCHES)
            count += 1
        wait()

    for _ in range(2):  # besides the first sample: compilers and allocators settle
        chunk()
    milliseconds = [1e3 * s / steps for s in time_chunks(chunk, OPTIONS.seconds)]
    print_record("training_step", f"{sizes.name} batch {batch}", peer, "ms", milliseconds, check=check)


def print_epochs(peer: str, epoch: Callable[[], float]) -> None:
    """Measures `epoch`, which returns the mean loss; the first is the warm-up."""
    epoch()
    samples = []
    while not samples or sum(samples) < OPTIONS.seconds:
        start = time.perf_counter()
        loss = epoch()
        samples.append(time.perf_counter() - start)
    print_record("epoch", f"{QUICKSTART.name} batch {BATCH}, 60,000 images", peer, "s", samples, check=loss)


def print_latency(peer: str, name: str, call: Callable[[int], object], rows: int, check: float) -> None:
    """Median and 99th percentile of at least 2000 single calls after 200 for the warm-up, of each row in turn."""
    for i in range(200):
        call(i % rows)
    microseconds = []
    begin = time.perf_counter()
    while len(microseconds) < 2000 or time.perf_counter() - begin < OPTIONS.seconds:
        i = len(microseconds) % rows
        start = time.perf_counter_ns()
        call(i)
        microseconds.append(1e-3 * (time.perf_counter_ns() - start))
    print_record("latency", name, peer, "us", microseconds, check=check, p99=float(np.quantile(microseconds, 0.99)))


def print_log_likelihood(peer: str, sizes: Sizes, kind: str, log_likelihood: Callable[[int], float]) -> None:
    """Measures `log_likelihood(i)` of image i, in images a second."""
    check = float(np.mean([log_likelihood(i) for i in range(LOG_LIKELIHOOD_IMAGES)]))
    rates = [1 / s for s in time_chunks(lambda: log_likelihood(0), OPTIONS.seconds, least=9)]
    name = f"{sizes.name}, K = {LOG_LIKELIHOOD_SAMPLES}, {kind}"
    print_record("log_likelihood", name, peer, "images/s", rates, check=check)


def print_memory(peer: str) -> None:
    """The memory high-water mark (VmHWM) of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        kibibytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    print_record("memory", f"{QUICKSTART.name} batch {BATCH}, one epoch", peer, "MiB", [kibibytes / 1024])


def run(topics: dict[str, Callable[[], None]]) -> None:
    """Runs the topics that the command line names."""
    for topic in OPTIONS.topics:
        topics[topic]()
