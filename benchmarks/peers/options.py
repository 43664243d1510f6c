# SPDX-License-Identifier: MIT
"""The command line of the peers. Import it before numpy and any framework: thread pools take their size from the
environment when a library is loaded."""
import argparse
import os
import pathlib
import sys


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("topics", nargs="+", help="what to measure, e.g. training_step epoch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each measurement")
    parser.add_argument("--compile", action="store_true", help="PyTorch: measure torch.compile, not eager mode")
    parser.add_argument("--models", type=pathlib.Path, help="folder of the trained models that vaekit left for its peers")
    return parser.parse_args()


OPTIONS = _parse()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = str(OPTIONS.threads)


def pin_to_cpus() -> None:
    """Leaves the process `threads` CPUs, for frameworks that start a thread for each CPU they may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-OPTIONS.threads :])
