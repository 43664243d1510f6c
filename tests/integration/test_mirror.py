#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every header include/vaekit/X.hpp has its test tests/X.cpp."""
import os
import pathlib
import sys

WITHOUT_TEST = {"fwd.hpp", "vaekit.hpp", "version.hpp"}

root = pathlib.Path(os.environ.get("VAEKIT_SOURCE", "."))
headers = [path.relative_to(root / "include/vaekit") for path in (root / "include/vaekit").rglob("*.hpp")]
missing = [header for header in sorted(headers)
           if str(header) not in WITHOUT_TEST and not (root / "tests" / header.with_suffix(".cpp")).is_file()]
for header in missing:
    print(f"include/vaekit/{header} has no test tests/{header.with_suffix('.cpp')}")
sys.exit(bool(missing) or not headers)
