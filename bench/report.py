#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables of what tools/run_benchmarks.py measured.

    report.py FILE.json...     prints them
    report.py --write          writes those of bench/results/*.json into docs/performance.md
    report.py --check          says whether docs/performance.md holds them

The page has ratios and percentages only; the screen also shows milliseconds.
"""
import json
import pathlib
import re
import statistics
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PEERS = {"torch eager": "× PyTorch eager", "torch compiled": "× torch.compile"}


def median(values):
    return statistics.median(values) if values else None


def percent_of_copy(one):
    pairs = zip(one["bytes_per_second"], one["copy_bytes_per_second"])
    return 100 * median([mine / copied for mine, copied in pairs])


def rows(result):
    """One for each work and dtype: what the tables show of it."""
    benchmarks = result["benchmarks"]
    for name in dict.fromkeys(n.rsplit("/", 1)[0] for n in benchmarks):
        eager, fused = benchmarks.get(f"{name}/eager"), benchmarks.get(f"{name}/fused")
        if not eager or not fused:
            continue
        work, dtype = name.rsplit("/", 1)
        row = {"work": work, "dtype": dtype, "kernels": (eager["kernels"], fused["kernels"]),
               "ms": (1e3 * median(eager["seconds"]), 1e3 * median(fused["seconds"])),
               "copy": (percent_of_copy(eager), percent_of_copy(fused))}
        row["eager"] = row["ms"][0] / row["ms"][1]
        graphed = benchmarks.get(f"{name}/graphed", {}).get("seconds")
        row["graphed"] = row["ms"][0] / (1e3 * median(graphed)) if graphed else None
        for peer in PEERS:
            times = benchmarks.get(f"{name}/{peer}", {}).get("seconds")
            row[peer] = 1e3 * median(times) / row["ms"][1] if times else None
        yield row


def ratio(x):
    return "–" if x is None else f"{x:.2f}" if x < 9.95 else f"{x:.1f}"


def aligned(table):
    """Lines of a Markdown table whose columns line up; the first column to the left, numbers to the right."""
    widths = [max(3, *(len(row[i]) for row in table)) for i in range(len(table[0]))]
    def line(row):
        cells = (cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
        return "| " + " | ".join(cells) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return [line(table[0]), rule, *map(line, table[1:])]


def table(result, with_times):
    """Of launches, whose data is small, no percent of a copy but what a graph makes of them. Beside a busy process
    only what is left of the speed."""
    beside = [[name.removesuffix("/neighbour").replace("/", ", "), ratio(median(b["times_quiet"]))]
              for name, b in result["benchmarks"].items() if name.endswith("/neighbour")]
    if beside:
        return aligned([["work", "beside a busy process, × quiet"], *beside])
    launches = any(r["graphed"] is not None for r in rows(result))
    head = ["work", "kernels"] + (["eager ms", "fused ms"] if with_times else [])
    head += ["fused, × eager", "graphed, × eager"] if launches else ["eager, % of copy", "fused, % of copy", "× eager"]
    peers = [p for p in PEERS if any(r[p] is not None for r in rows(result))]
    body = []
    for r in rows(result):
        cells = [f"{r['work']}, {r['dtype']}", f"{r['kernels'][0]} → {r['kernels'][1]}"]
        cells += [f"{ms:.2f}" if ms >= 1 else f"{ms:.3g}" for ms in r["ms"]] if with_times else []
        cells += [] if launches else [f"{c:.0f}" for c in r["copy"]]
        cells += [ratio(r["eager"])] + ([ratio(r["graphed"])] if launches else []) + [ratio(r[p]) for p in peers]
        body.append(cells)
    return aligned([head + [PEERS[p] for p in peers], *body]) if body else ["nothing was measured"]


def about(results, program):
    """Where and with what it was measured, in a sentence."""
    result, machine = results["programs"][program], results["machine"]
    context, peer = result["context"], result.get("peer", {})
    on = context.get("device") or f"{machine['processor']}, {context.get('threads', '?')} threads"
    words = on
    if "device" in context:
        driver = machine.get("driver") or f"of CUDA {context.get('driver_cuda', '?')}"
        words += f"; driver {driver}; CUDA {context.get('toolkit', '?')}"
    words += f"; compiler {context.get('compiler', '?')}; commit {results['commit'] or '?'}"
    if "torch" in peer:
        words += f"; PyTorch {peer['torch']}, {peer['threads']} threads"
    return words + "."


def read(path):
    """What tools/run_benchmarks.py wrote, or the part of it in what tools/run_gpu.py wrote."""
    results = json.loads(path.read_text())
    return results.get("benchmarks", results)


def screen(results, program):
    result = results["programs"][program]
    lines = [*table(result, True), "", about(results, program)]
    if "missing" in result.get("peer", {}):
        lines.append(f"PyTorch was not measured: {result['peer']['missing']}.")
    return "\n".join(lines)


def measured():
    """The part of the page between the markers."""
    lines = []
    for path in sorted(RESULTS.glob("*.json")):
        results = read(path)
        for program in results["programs"]:
            lines += ["", *table(results["programs"][program], False), ""]
            lines += textwrap.wrap(f"`bench/results/{path.name}`: " + about(results, program), 118)
    return "\n".join(lines or ["", "Nothing is stored yet."]) + "\n\n"


def main():
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("--write", "--check"):
        page = PAGE.read_text()
        found = re.fullmatch(f"(.*{BEGIN}\n)(.*)({END}.*)", page, re.S)
        if not found:
            sys.exit(f"report.py: expected {BEGIN} and {END} in {PAGE}")
        made = found.group(1) + measured() + found.group(3)
        if arguments[0] == "--write":
            PAGE.write_text(made)
        elif made != page:
            sys.exit("report.py: docs/performance.md does not show bench/results/*.json (run bench/report.py --write)")
        return
    if not arguments:
        sys.exit(__doc__)
    for path in map(pathlib.Path, arguments):
        results = read(path)
        for program in results["programs"]:
            print(screen(results, program) + "\n")


if __name__ == "__main__":
    main()
