#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no compiler checks: licence lines, line lengths, whitespace, and the links between documents."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WIDTH = 120
CODE = {".hpp", ".cpp", ".cu", ".cuh", ".py", ".sh", ".cmake", ""}
NO_LICENCE_LINE = {"LICENSE", ".gitignore"}


def tracked():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        document = path.parent / file if file else path
        if not document.exists():
            yield f"links to {target}, which does not exist"
        elif anchor and document.suffix == ".md" and anchor not in anchors(document.read_text()):
            yield f"links to {target}, which has no such heading"


def check_code(path, text):
    lines = text.split("\n")
    if path.name not in NO_LICENCE_LINE and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
        yield "expected the licence line 'SPDX-License-Identifier: Apache-2.0' among the first three"
    for number, line in enumerate(lines, 1):
        if len(line) > WIDTH:
            yield f"line {number} has {len(line)} characters, expected at most {WIDTH}"
        if line != line.rstrip():
            yield f"line {number} ends with blanks"
    if text and not text.endswith("\n"):
        yield "expected a newline at the end"


def main():
    complaints = 0
    for path in tracked():
        is_code = path.suffix in CODE or path.name == "CMakeLists.txt"
        if not is_code and path.suffix != ".md":
            continue
        text = path.read_text()
        found = list(check_links(path, text)) if path.suffix == ".md" else []
        if is_code and path.name != "LICENSE":
            found += check_code(path, text)
        for complaint in found:
            print(f"{path.relative_to(ROOT)}: {complaint}")
        complaints += len(found)
    print(f"{complaints} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
