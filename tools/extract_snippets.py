#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes every C++ block of the documentation to a file of its own, which the tests compile and run.

    extract_snippets.py DIRECTORY MARKDOWN...

DIRECTORY/NAME_N.cpp, or .cu where the block includes the CUDA executor; N counts the blocks of NAME.md. Lines keep
their numbers in messages. Files that have not changed are left alone. Prints the paths, one a line.
"""
import pathlib
import sys


def blocks(name, text):
    """(line number of the first line, text) of every ```cpp block. A fence is a line of its own, and has its other."""
    begin, is_cpp, lines = None, False, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.strip()
        if "```" not in fence:
            lines.append(line)
        elif begin is None and fence.startswith("```") and fence.count("`") == 3:
            begin, is_cpp, lines = number, fence == "```cpp", []
        elif begin is not None and fence == "```":
            if is_cpp:
                yield begin + 1, "\n".join(lines) + "\n"
            begin = None
        else:
            sys.exit(f"extract_snippets.py: {name}:{number}: expected a fence of three backticks on a line of its own")
    if begin is not None:
        sys.exit(f"extract_snippets.py: {name}:{begin}: this block has no end")


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    written = set()
    for name in sys.argv[2:]:
        source = pathlib.Path(name)
        for count, (line, text) in enumerate(blocks(name, source.read_text()), 1):
            suffix = ".cu" if "cuda_executor.hpp" in text else ".cpp"
            path = directory / f"{source.stem.lower().replace('-', '_')}_{count}{suffix}"
            text = f'#line {line} "{source.name}"\n{text}'
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            written.add(path)
            print(path)
    for stale in set(directory.glob("*.c*")) - written:
        stale.unlink()


if __name__ == "__main__":
    main()
