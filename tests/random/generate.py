#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes random programs as C++: DIR/programs_0.cpp, ..., DIR/main.cpp, and their numbers in DIR/programs.numbers.

    generate.py --seed 1 --count 200 --files 10 --eager 4 --out DIR [--cuda]

Compile the sources with the include paths of fuse and of this folder, and run the program with the file of numbers; a
second argument, the seed of one program, runs that one alone.
"""

import argparse
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import arithmetic as number  # noqa: E402
import programs  # noqa: E402
from written import written  # noqa: E402


def shown(value, dtype):
    return f"{float(value)!r}f" if number.is_floating(dtype) else f"std::int32_t({value})"


def source_of(program, seed, at, eager):
    """The C++ of one program and of its run, eager too if asked; `at`: where its numbers begin."""
    names = {}
    for i, n in enumerate(program.arguments):
        names[id(n)] = f"a{i}"
    lines = [f"// seed {seed}", f"constexpr auto program_{seed} = fx::compile<\"random_{seed}\">([]("
             + ", ".join(f"auto a{i}" for i in range(len(program.arguments))) + ") {"]
    for i, n in enumerate(program.nodes):
        if id(n) in names:
            continue
        text = written(n, [names[id(x)] for x in n.inputs])
        if n.op == "literal":
            names[id(n)] = text
            continue
        names[id(n)] = f"v{i}"
        shape = ", ".join(f"{m}" if static else f"{m}?" for m, static in n.shape)
        lines.append(f"  auto v{i} = {text};  // {n.dtype} ({shape})")
    results = ", ".join(names[id(n)] for n in program.outputs)
    lines += [f"  return {f'fx::outputs({results})' if len(program.outputs) > 1 else results};", "});",
              f"void run_{seed}(random_programs::runner& r) {{", f"  if (!r.begin({seed}, {at})) return;"]
    for i, n in enumerate(program.arguments):
        if n.op == "scalar":
            lines.append(f"  const auto a{i} = {shown(n.params['value'], n.dtype)};")
            continue
        extents = ", ".join([number.CPP[n.dtype]] + [str(m) if static else "fx::dyn" for m, static in n.shape])
        lines.append(f"  const auto a{i} = r.argument<{extents}>({{{', '.join(map(str, n.lengths))}}});")
    passed = ", ".join([f"program_{seed}"] + [f"a{i}" for i in range(len(program.arguments))])
    lines += [f"  r.check<{'true' if eager else 'false'}>({passed});", "}"]
    return "\n".join(lines) + "\n"


def numbers_of(program):
    """Values of the tensor arguments, then value and bound of each element of the outputs."""
    x = []
    for n in program.arguments:
        if n.op == "argument":
            x += [float(v) for v, _ in n.data]
    for n in program.outputs:
        for v, e in n.data:
            x += [float(v), float(e)]
    return x


def write_if_changed(path, text):
    if not os.path.exists(path) or open(path).read() != text:
        with open(path, "w") as f:
            f.write(text)


HEAD = """// SPDX-License-Identifier: Apache-2.0
#include <run.hpp>

namespace {
namespace fx = fuse;

"""


def write(directory, seeded, files, extension, eager_of=1):
    """Writes (seed, program) pairs, each `eager_of`-th to run eager too. Returns the names of the sources."""
    os.makedirs(directory, exist_ok=True)
    sources = []
    at, numbers = 0, []
    each = max(1, -(-len(seeded) // files))
    calls = []
    for k in range(0, files):
        part = seeded[k * each:(k + 1) * each]
        text = HEAD
        for seed, program in part:
            text += source_of(program, seed, at, eager_of and seed % eager_of == 0) + "\n"
            x = numbers_of(program)
            numbers.append(struct.pack(f"<{len(x)}d", *x))
            at += len(x)
        text += f"}}  // namespace\n\nvoid run_programs_{k}(random_programs::runner& r) {{\n"
        text += "".join(f"  run_{seed}(r);\n" for seed, _ in part) + ("  (void)r;\n" if not part else "") + "}\n"
        sources.append(f"programs_{k}.{extension}")
        write_if_changed(os.path.join(directory, sources[-1]), text)
        calls.append(k)
    main = HEAD.split("namespace {")[0]
    main += "".join(f"void run_programs_{k}(random_programs::runner&);\n" for k in calls)
    main += """
int main(int count, char** argument) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s FILE_OF_NUMBERS [SEED]\\n", argument[0]);
    return 2;
  }
  random_programs::runner r(argument[1]);
  if (count > 2) r.only(std::atol(argument[2]));
"""
    main += "".join(f"  run_programs_{k}(r);\n" for k in calls) + "  return r.report();\n}\n"
    sources.append(f"main.{extension}")
    write_if_changed(os.path.join(directory, sources[-1]), main)
    with open(os.path.join(directory, "programs.numbers"), "wb") as f:
        f.write(b"".join(numbers))
    return sources


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=1, help="of the first program")
    p.add_argument("--count", type=int, default=200)
    p.add_argument("--files", type=int, default=10, help="translation units")
    p.add_argument("--most", type=int, default=12, help="operations of a program")
    p.add_argument("--eager", type=int, default=1, metavar="K", help="run every K-th program eager too; 0: none")
    p.add_argument("--cuda", action="store_true", help="write .cu")
    p.add_argument("--out", required=True)
    return p.parse_args()


if __name__ == "__main__":
    a = arguments()
    write(a.out, [(s, programs.generate(s, a.most)) for s in range(a.seed, a.seed + a.count)], a.files,
          "cu" if a.cuda else "cpp", a.eager)
