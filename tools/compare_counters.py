#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counters of every launch of a program, as the simulated device counts them, against what is known of them.

    compare_counters.py check FILE PROGRAM     PROGRAM runs on the simulated device: does it count what FILE says?
    compare_counters.py write FILE PROGRAM     writes FILE anew
    compare_counters.py measure FILE PROGRAM [--ncu NCU] [--json RESULT]
                                               PROGRAM runs on a GPU under Nsight Compute: prints its counters beside
                                               those of FILE, as a Markdown table

PROGRAM is made of doctest cases with one launch each. FILE has a line of JSON for each, in their order. It leaves out
numbers of instructions, which change with the compiler.
"""
import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

LEFT_OUT = ("kernel", "warp_instructions")
# Nsight Compute's names for what is counted; several are added up.
METRICS = {
    "load_requests": ["l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"],
    "load_sectors": ["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"],
    "store_requests": ["l1tex__t_requests_pipe_lsu_mem_global_op_st.sum"],
    "store_sectors": ["l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"],
    "bytes_read": ["dram__bytes_read.sum"],
    "bytes_written": ["dram__bytes_write.sum"],
    "shared_requests": ["smsp__inst_executed_op_shared_ld.sum", "smsp__inst_executed_op_shared_st.sum",
                        "smsp__inst_executed_op_ldsm.sum"],
    "bank_conflicts": ["l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"],
    "local_accesses": ["smsp__inst_executed_op_local_ld.sum", "smsp__inst_executed_op_local_st.sum"],
}


class Unmeasured(Exception):
    """Nsight Compute is not there, or cannot count here."""


class OtherLaunches(Exception):
    """The program launched something else than is known of it."""


def read(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines() if line.strip()]


def cases(program):
    """The names of a program's test cases, in the order in which they run."""
    listed = subprocess.run([program, "--list-test-cases", "--no-version"], check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if line and not line.startswith(("[doctest]", "==="))]


def simulate(program):
    """The launches of a program on the simulated device."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "counters")
        done = subprocess.run([program], env={**os.environ, "FUSE_SIM_COUNTERS": str(path)}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"compare_counters.py: {program} failed:\n{done.stdout}")
        launches = read(path) if path.exists() else []
    names = cases(program)
    if len(names) != len(launches):
        sys.exit(f"compare_counters.py: {program} has {len(names)} test cases and made {len(launches)} launches on the "
                 "simulated device: expected one each")
    return [{"case": name, **{k: v for k, v in launch.items() if k not in LEFT_OUT}}
            for name, launch in zip(names, launches)]


def check(known, found):
    """What differs, a line each."""
    if len(known) != len(found):
        return [f"expected {len(known)} launches, there were {len(found)}"]
    return [f"{old['case']}: {key} was {old.get(key)}, is {new.get(key)}"
            for old, new in zip(known, found) for key in {**old, **new} if old.get(key) != new.get(key)]


def parse_ncu(text):
    """[{metric: value}] by launch, from the table that `ncu --csv` prints among other lines."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if begin is None:
        raise Unmeasured("Nsight Compute printed no table:\n" + "\n".join(lines[-20:]))
    launches = {}
    for row in csv.DictReader(line for line in lines[begin:] if line.startswith('"')):
        launch = launches.setdefault(int(row["ID"]), {})
        try:
            launch[row["Metric Name"]] = float(row["Metric Value"].replace(",", ""))
        except ValueError:  # "n/a"
            pass
    return [launches[i] for i in sorted(launches)]


def offered(ncu, metrics):
    """Those of the metrics that this Nsight Compute has on this GPU: it refuses all for one that it has not."""
    listed = subprocess.run([ncu, "--query-metrics"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in listed.splitlines() if line.split()}
    return [m for m in metrics if m.split(".")[0] in names]


def compare(known, measured):
    """[(case, counter, predicted, measured or None)]"""
    if len(known) != len(measured):
        raise OtherLaunches(f"expected {len(known)} launches, Nsight Compute saw {len(measured)}")
    rows = []
    for launch, values in zip(known, measured):
        for counter, names in METRICS.items():
            there = [values[n] for n in names if n in values]
            rows.append((launch["case"], counter, launch[counter], sum(there) if there else None))
    return rows


def find_ncu():
    return shutil.which("ncu") or shutil.which("ncu", path="/usr/local/cuda/bin")


def measure(path, program, ncu=None):
    """A program's counters on this GPU, beside those of a file: see compare."""
    ncu = ncu or find_ncu()
    if not ncu:
        raise Unmeasured("no ncu on the PATH or in /usr/local/cuda/bin (install Nsight Compute)")
    try:
        wanted = offered(ncu, [m for names in METRICS.values() for m in names])
        if not wanted:
            raise Unmeasured(f"{ncu} offers none of the counters here")
        command = [ncu, "--csv", "--print-units", "base", "--cache-control", "all", "--clock-control", "none",
                   "--metrics", ",".join(wanted), str(program)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, check=True)
    except subprocess.CalledProcessError as why:
        said = why.stdout[-2000:] + why.stderr[-2000:]
        raise Unmeasured(f"{ncu} ended with status {why.returncode}:\n{said}") from why
    except OSError as why:
        raise Unmeasured(f"{ncu} cannot be run: {why}") from why
    except subprocess.TimeoutExpired as why:
        raise Unmeasured(f"{ncu} took more than {why.timeout} s") from why
    return compare(read(path), parse_ncu(done.stdout))


def table(rows):
    lines = ["| case | counter | predicted | measured | measured / predicted |", "|---|---|---:|---:|---:|"]
    for case, counter, predicted, measured in rows:
        ratio = "" if not predicted or measured is None else f"{measured / predicted:.3f}"
        shown = "not offered" if measured is None else f"{measured:,.0f}"
        lines.append(f"| {case} | {counter.replace('_', ' ')} | {predicted:,} | {shown} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=("check", "write", "measure"))
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("program")
    parser.add_argument("--ncu", help="Nsight Compute's program, where it is not on the PATH")
    parser.add_argument("--json", type=pathlib.Path, help="where to write the comparison too")
    options = parser.parse_args()
    if options.how == "write":
        options.file.write_text("".join(json.dumps(launch) + "\n" for launch in simulate(options.program)))
        return 0
    if options.how == "check":
        known = read(options.file)
        differences = check(known, simulate(options.program))
        if differences:
            print("\n".join(differences))
            print(f"If that is meant: tools/compare_counters.py write {options.file} {options.program}")
        else:
            print(f"{len(known)} launches count what {options.file.name} says")
        return 1 if differences else 0
    try:
        rows = measure(options.file, options.program, options.ncu)
    except (Unmeasured, OtherLaunches) as why:
        sys.exit(f"compare_counters.py: {why}")
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
