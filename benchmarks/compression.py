#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sizes of a run's test split as `vaekit compress` and general programs write it: a row of docs/compression.md.

The split is compressed and decompressed, and held against the IDX file it came from. gzip, zstd and xz see the whole
array, of bits (eight in a byte) where there are two levels; PNG is written for each image, and once with all images
below one another, with the filter of each line that makes the smallest sum of absolute differences. zstd is left out
where the program is missing.

  python benchmarks/compression.py runs/compression-binary t10k-images-idx3-ubyte.gz --program build/release/bin/vaekit
"""
import argparse
import gzip
import json
import lzma
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

import numpy as np


def read_idx(path):
    data = gzip.decompress(pathlib.Path(path).read_bytes())
    sizes = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def filtered(image):
    """Lines of an 8-bit grey image, each after the filter that PNG encoders prefer for it."""
    before = np.zeros(image.shape[1], np.int16)
    lines = []
    for line in image.astype(np.int16):
        left = np.concatenate(([0], line[:-1]))
        corner = np.concatenate(([0], before[:-1]))
        estimate = left + before - corner
        distances = np.abs(np.stack([estimate - left, estimate - before, estimate - corner]))
        paeth = np.choose(np.argmin(distances, axis=0), [left, before, corner])
        differences = [line, line - left, line - before, line - (left + before) // 2, line - paeth]
        choices = [(difference % 256).astype(np.uint8) for difference in differences]
        cost = [np.abs(choice.astype(np.int8).astype(np.int32)).sum() for choice in choices]
        best = int(np.argmin(cost))
        lines.append(bytes([best]) + choices[best].tobytes())
        before = line
    return b"".join(lines)


def png_size(image, levels):
    """Bytes of a PNG file of a grey image: signature, IHDR, one IDAT, IEND."""
    lines = filtered(image) if levels > 2 else b"".join(b"\0" + np.packbits(line).tobytes() for line in image)
    return 8 + 25 + 12 + len(zlib.compress(lines, 9)) + 12


def zstd_size(data):
    if shutil.which("zstd") is None:
        return None
    return len(subprocess.run(["zstd", "-19", "--ultra", "-c"], input=data, capture_output=True, check=True).stdout)


def vaekit_round_trip(program, run, folder):
    """The report of `vaekit compress`, what `vaekit decompress` makes of the file, and its samples a second."""
    packed, array = folder / "x.vae", folder / "x.npy"
    text = subprocess.run([program, "compress", run, "--out", packed, "--json"], check=True, capture_output=True).stdout
    start = time.perf_counter()
    subprocess.run([program, "decompress", run, "--in", packed, "--out", array], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    report = json.loads(text)
    return report, np.load(array), report["samples"] / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="run folder")
    parser.add_argument("images", help="IDX file of the run's test split, gzipped")
    parser.add_argument("--program", default="build/release/bin/vaekit")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report, array, speed = vaekit_round_trip(args.program, args.run, pathlib.Path(folder))
    images = read_idx(args.images)
    levels = report["levels"]
    expected = (images > 127.5).astype(np.uint8) if levels == 2 else images
    assert array.dtype == np.uint8 and np.array_equal(array, expected), "the images did not come back"
    data = np.packbits(expected).tobytes() if levels == 2 else expected.tobytes()
    sizes = {
        "vaekit": report["bytes"],
        "gzip -9": len(gzip.compress(data, 9)),
        "zstd -19": zstd_size(data),
        "xz": len(lzma.compress(data)),
        "PNG, all images in one": png_size(expected.reshape(-1, images.shape[-1]), levels),
        "PNG, each image": sum(png_size(image, levels) for image in expected),
    }
    print(f"{report['samples']} images of {report['dimensions']} values, {levels} levels: came back as they were")
    print(f"negative ELBO           {report['elbo_bits_per_dimension']:.4f} bits a value, {-report['elbo']:.2f} nats")
    for name, size in sizes.items():
        if size is not None:
            print(f"{name:22}  {8 * size / images.size:.4f} bits a value, {size} bytes")
    print(f"vaekit: {100 * report['overhead']:.2f} % above the ELBO, {report['initial_bits']} bits to begin with")
    print(f"vaekit: {report['samples_per_second']:.0f} images/s compressed, {speed:.0f} decompressed (whole program)")


if __name__ == "__main__":
    main()
