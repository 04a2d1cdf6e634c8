#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of pointwise operations in docs/ops.md from the headers: the order of op/list.hpp, each operation's
name, arity, operand classes and doc comment; and from the tests the error that each of them is held to. With --check
nothing is written; a stale table is an error."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OPS = ROOT / "include" / "fuse" / "op"
CONTRACTS = ROOT / "tests" / "op" / "contracts.hpp"
BOUNDS = ROOT / "tests" / "exec" / "support" / "operations.hpp"
PAGE = ROOT / "docs" / "ops.md"
BEGIN, END = "<!-- pointwise: begin -->", "<!-- pointwise: end -->"
SPELLED = {
    "add": "a + b", "subtract": "a - b", "multiply": "a * b", "divide": "a / b", "negative": "-a",
    "equal": "a == b", "not_equal": "a != b", "less": "a < b", "less_equal": "a <= b", "greater": "a > b",
    "greater_equal": "a >= b", "logical_and": "a && b", "logical_or": "a || b", "logical_not": "!a",
    "bitwise_and": "a & b", "bitwise_or": "a | b", "bitwise_xor": "a ^ b", "bitwise_not": "~a",
    "shift_left": "a << b", "shift_right": "a >> b"}


# The bases of op/traits.hpp -> what the operation takes, and gives where that is another dtype.
TAKES = {"same": "any", "floating": "floating", "transcendental": "floating", "predicate": "any → bool",
         "comparison": "any → bool", "choice": "any", "integral": "integer, bool"}


def takes(base, body):
    """The column on dtypes, from the base of an operation and its own members."""
    found = re.search(r"(\w+)<\d>", base)
    if found:
        return TAKES[found.group(1)]
    return "floating" if "integers = false" in body else "any"


def definitions():
    """struct name -> (operation name, arity, dtypes, doc comment)"""
    found = {}
    for header in sorted(OPS.glob("*.hpp")):
        text = header.read_text()
        pattern = r"((?:^///[^\n]*\n)*)^struct (\w+_t)([^{;]*)\{(.*?)^\};"
        for comment, struct, base, body in re.findall(pattern, text, re.M | re.S):
            name = re.search(r'name = "(\w+)"', body)
            if not name or not (re.search(r"arity = \d", body) or re.search(r"<\d>", base)):
                continue
            arity = re.search(r"arity = (\d)", body) or re.search(r"<(\d)>", base)
            doc = " ".join(line[3:].strip() for line in comment.splitlines())
            found[struct] = (name.group(1), int(arity.group(1)), takes(base, body), doc)
    return found


def bounds():
    """Operation name -> the error that its tests allow, in ulp: of f32 and f64 on the host, and of f32 on a device."""
    found = {}
    text = CONTRACTS.read_text()
    number = r"([\d.]+)"
    for name, *ulps in re.findall(rf"^CONTRACT\((\w+), {number}, {number}, {number}", text, re.M):
        found[name] = ulps
    for name, body in re.findall(r"^struct of<ops::(\w+)_t> : defaults \{(.*?)^\};", text, re.M | re.S):
        ulps = re.search(rf"f32 = {number}, f64 = {number}, device = {number}", body)
        more = "+" if re.search(r"static double (?!in_subnormals)", body) else ""
        if ulps:
            found[name] = [u + more for u in ulps.groups()]
    text = BOUNDS.read_text()
    for name, ulp in re.findall(rf"^REAL\((\w+), {number}, ", text, re.M):
        found[name] = [ulp]
    found["lerp"] = ["4+"]
    return {name: ulps[0] if len(set(ulps)) == 1 else ", ".join(ulps) for name, ulps in found.items()}


def table():
    found, errors = definitions(), bounds()
    text = (OPS / "list.hpp").read_text()
    listed = re.findall(r"^\s+(\w+_t)(?:,|>;)?\s*$|^\s+// (.*)", text[text.index("all_pointwise"):], re.M)
    missing = [struct for struct, _ in listed if struct and struct not in found]
    if missing:
        sys.exit(f"make_op_table: op/list.hpp names {missing}, expected each to be defined in include/fuse/op/")
    lines = ["| operation | operands | dtypes | error, ulp | meaning |", "|---|---|---|---|---|"]
    for struct, group in listed:
        if group:
            if "clang-format" not in group:
                lines.append(f"| **{group}** | | | | |")
            continue
        name, arity, dtypes, doc = found[struct]
        if not doc:
            sys.exit(f"make_op_table: ops::{struct} has no meaning, expected a doc comment (///) before it")
        error = "" if dtypes.startswith("integer") else errors.get(name)
        if error is None:
            sys.exit(f"make_op_table: {name} has no bound, expected one in {CONTRACTS.name} or {BOUNDS.name}")
        spelled = (f"`{name}`" + (f", `{SPELLED[name]}`" if name in SPELLED else "")).replace("|", "\\|")
        doc = doc.replace("|", "\\|")
        lines.append(f"| {spelled} | {arity} | {dtypes} | {error} | {doc} |")
    return "\n".join(lines)


def main():
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    made = before + BEGIN + "\n" + table() + "\n" + END + after
    if "--check" in sys.argv[1:]:
        if made != page:
            sys.exit("make_op_table: docs/ops.md is out of date (run tools/make_op_table.py)")
    else:
        PAGE.write_text(made)


if __name__ == "__main__":
    main()
