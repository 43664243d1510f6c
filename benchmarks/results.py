# SPDX-License-Identifier: MIT
"""The measurements that benchmarks/run.sh left in a results folder."""
import collections
import json
import pathlib
import statistics
import sys
from dataclasses import dataclass, field

OURS = "vaekit"
PYTORCH = "PyTorch eager"
# How far the results ("check") of peers may be apart. Epochs and log-likelihoods draw different noise.
TOLERANCES = {"training_step": 1e-4, "epoch": 0.01, "latency": 1e-4, "log_likelihood": 1e-3, "adam": 1e-5,
              "family": 0.02}


@dataclass
class Record:
    """One measurement: medians and spreads of one or more runs, in `unit`."""

    unit: str
    medians: list[float] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)
    more: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))

    def add(self, median: float, spread: float, more: dict[str, float]) -> None:
        self.medians.append(median)
        self.spreads.append(spread)
        for key, value in more.items():
            self.more[key].append(value)

    @property
    def median(self) -> float:
        return statistics.median(self.medians)

    @property
    def spread(self) -> float:
        """The larger of the interquartile range and the distance between runs."""
        return max(*self.spreads, max(self.medians) - min(self.medians))

    def value(self, key: str) -> float | None:
        return statistics.median(self.more[key]) if key in self.more else None


Key = tuple[str, str, str, int]  # topic, name, peer, threads


class Results:
    """All measurements of a results folder."""

    def __init__(self, folder: pathlib.Path):
        self.records: dict[Key, Record] = {}
        self.versions: dict[str, str] = {}
        for path in sorted(folder.glob("*.jsonl")):
            for line in path.read_text().splitlines():
                self._add_line(json.loads(line))
        repetitions = collections.defaultdict(list)
        for path in sorted(folder.glob("*.json")):
            self._read_google_benchmark(json.loads(path.read_text()), repetitions)
        for key, entries in repetitions.items():
            self._add_repetitions(key, entries)

    def _add_line(self, line: dict) -> None:
        if line["topic"] == "version":
            self.versions[line["peer"]] = line["version"]
            return
        key = (line["topic"], line["name"], line["peer"], line["threads"])
        more = {k: line[k] for k in ("check", "p99", "share", "peak", "parameters") if k in line}
        self.records.setdefault(key, Record(line["unit"])).add(line["median"], line["spread"], more)

    def _read_google_benchmark(self, data: dict, repetitions: dict[Key, list[dict]]) -> None:
        for name, value in data["context"].items():
            if name.startswith("version "):
                self.versions[name.removeprefix("version ")] = value
        for entry in sorted(data["benchmarks"], key=lambda e: e["family_index"]):  # the order of the program
            if entry.get("error_occurred"):
                sys.exit(f"{entry['name']}: {entry['error_message']}")
            if entry["run_type"] == "iteration":
                topic, name, peer, threads = entry["run_name"].split("/")[:4]
                repetitions[topic, name, peer, int(threads)].append(entry)

    def _add_repetitions(self, key: Key, entries: list[dict]) -> None:
        times = sorted(entry["real_time"] for entry in entries)
        more = {}
        for counter in ("GFLOP", "peak", "check", "items_per_second", "ulp"):
            if counter in entries[0]:
                more[counter] = statistics.median(entry[counter] for entry in entries)
        self.records[key] = Record(entries[0]["time_unit"])
        quartiles = statistics.quantiles(times, n=4) if len(times) > 1 else [times[0]] * 3
        self.records[key].add(statistics.median(times), quartiles[2] - quartiles[0], more)

    def get(self, topic: str, name: str, peer: str, threads: int) -> Record | None:
        return self.records.get((topic, name, peer, threads))

    def names(self, topic: str) -> list[str]:
        return list(dict.fromkeys(name for t, name, _, _ in self.records if t == topic))

    def peers(self, topic: str) -> list[str]:
        """Ours first, then the others as they were measured."""
        peers = dict.fromkeys(peer for t, _, peer, _ in self.records if t == topic)
        return sorted(peers, key=lambda peer: peer != OURS)

    def best(self, topic: str, name: str, peer: str) -> Record | None:
        """The better of one and two threads."""
        found = [r for threads in (1, 2) if (r := self.get(topic, name, peer, threads))]
        if not found:
            return None
        return (max if found[0].unit.endswith("/s") else min)(found, key=lambda r: r.median)

    def ratio(self, topic: str, name: str, peer: str) -> float | None:
        """How many times faster we are than `peer`, each with its better number of threads."""
        return speed_ratio(self.best(topic, name, OURS), self.best(topic, name, peer))

    def peak(self, threads: int) -> float | None:
        found = [r.value("peak") for (topic, _, _, t), r in self.records.items()
                 if t == threads and topic == "gemm" and r.value("peak")]
        return statistics.median(found) if found else None

    def check_agreement(self) -> None:
        """Peers that compute something else must not be compared."""
        for topic, tolerance in TOLERANCES.items():
            for name in self.names(topic):
                checks = {peer: value for (t, n, peer, _), r in self.records.items()
                          if (t, n) == (topic, name) and (value := r.value("check")) is not None}
                if checks and max(checks.values()) - min(checks.values()) > tolerance * abs(max(checks.values())):
                    sys.exit(f"{topic}, {name}: results differ by more than {tolerance} between peers: {checks}")
                counts = {peer: value for (t, n, peer, _), r in self.records.items()
                          if (t, n) == (topic, name) and (value := r.value("parameters")) is not None}
                if len(set(counts.values())) > 1:
                    sys.exit(f"{topic}, {name}: models differ between peers in their number of parameters: {counts}")


def speed_ratio(ours: Record | None, other: Record | None) -> float | None:
    if ours is None or other is None:
        return None
    ratio = other.median / ours.median
    return 1 / ratio if ours.unit.endswith("/s") else ratio
