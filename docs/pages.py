#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the pages of docs/ to docs/configuration.md, which the program prints.

Between <!-- generated: latent gaussian --> and <!-- end --> a page shows the section "latent `gaussian`" of
docs/configuration.md. Every latent, prior, objective and likelihood has a page docs/<group>s/<kind>.md with that
section and a picture; links lead somewhere; configs/README.md names every configuration. With --write the sections
are put in anew; tests/integration/docs_in_step.sh calls this.
"""
import os
import pathlib
import re
import sys

GROUPS = ["latent", "prior", "objective", "likelihood"]
BLOCK = re.compile(r"^<!-- generated: (.+?) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)

root = pathlib.Path(os.environ.get("VAEKIT_SOURCE", ".")).resolve()
docs = root / "docs"
reference = docs / "configuration.md"
problems = []


def read_sections():
    """Text below each heading of the reference, by the heading without its back quotes."""
    parts = re.split(r"^#+ (.+)$", reference.read_text(), flags=re.MULTILINE)
    return {name.replace("`", ""): text.strip() for name, text in zip(parts[1::2], parts[2::2])}


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def filled(page, text, sections):
    """The page with its sections as the reference has them."""
    to_reference = os.path.relpath(reference, page.parent)

    def block(match):
        name = match[1]
        if name not in sections:
            problems.append(f"{page.relative_to(root)}: there is no section {name}")
            return match[0]
        table = sections[name].replace("](#", f"]({to_reference}#")
        return f"<!-- generated: {name} -->\n\n{table}\n\n<!-- end -->"

    return BLOCK.sub(block, text)


def check_blocks(pages, sections, write):
    for page in pages:
        text = page.read_text()
        wanted = filled(page, text, sections)
        if wanted != text and write:
            page.write_text(wanted)
        elif wanted != text:
            problems.append(f"{page.relative_to(root)} is out of step; run docs_in_step.sh --write")


def check_choices(sections):
    for name in sections:
        group, _, kind = name.partition(" ")
        if group not in GROUPS or not kind:
            continue
        page = docs / f"{group}s" / f"{kind}.md"
        text = page.read_text() if page.exists() else ""
        for needed in (f"<!-- generated: {name} -->", f"](../images/{group}_{kind}.png)"):
            if needed not in text:
                problems.append(f"{page.relative_to(root)}: lacks {needed}")
        overview = docs / f"{group}s" / "README.md"
        if f"]({kind}.md)" not in overview.read_text():
            problems.append(f"{overview.relative_to(root)}: lacks a link to {kind}.md")


def check_links(pages):
    for page in pages:
        for target, _, place in (link.partition("#") for link in
                                 re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link):
            file = page.parent / target if target else page
            if not file.exists():
                problems.append(f"{page.relative_to(root)}: {target} does not exist")
            elif place and place not in map(anchor, re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)):
                problems.append(f"{page.relative_to(root)}: {target or page.name} has no heading #{place}")


def check_configurations():
    table = (root / "configs/README.md").read_text()
    for path in sorted((root / "configs").glob("*.json")):
        if f"`{path.name}`" not in table:
            problems.append(f"configs/README.md: lacks {path.name}")


sections = read_sections()
pages = sorted(docs.rglob("*.md"))
check_blocks(pages, sections, "--write" in sys.argv[1:])
check_choices(sections)
check_links(pages + [root / "README.md", root / "CHANGELOG.md", root / "configs/README.md"])
check_configurations()
print("\n".join(problems) or f"{len(pages)} pages: in step")
sys.exit(bool(problems))
