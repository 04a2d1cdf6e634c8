#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs what runs on a machine with a GPU, its driver and Python: pack_gpu.py BUILD ARCHIVE.tar.xz

BUILD/gpu_programs.txt names the programs. They are stripped, and travel with the shared libraries that not every Linux
has, the files that they read, and what runs them. gpu/run in the archive runs all.
"""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = ("tools/run_gpu.py", "tools/gpu_steps.py", "tools/gpu_report.py", "tools/bounded_process.py",
         "tools/run_benchmarks.py", "tools/compare_counters.py", "bench/report.py", "bench/peers/*.py",
         "tests/cuda/*.counters", "tests/llama/references/**/*", "examples/llama/model/*", "LICENSE")
EVERYWHERE = re.compile(r"(ld-linux.*|libc|libm|libdl|librt|libpthread|libcuda|libnvidia.*)\.so[.\d]*")
MOST_MIB = 30
RUN = """#!/bin/sh
# Runs all of this on the GPU of this machine: ./run --help
exec python3 "$(dirname "$0")/tools/run_gpu.py" "$@"
"""


def fail(text):
    sys.exit(f"pack_gpu.py: {text}")


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def programs_of(build):
    listed = [pathlib.Path(line) for line in (build / "gpu_programs.txt").read_text().split("\n") if line]
    missing = [p.name for p in listed if not p.exists()]
    if missing or not listed:
        fail(f"{', '.join(missing) or 'every program'} is not built: cmake --build {build} --target gpu_programs")
    return listed


def libraries_of(programs):
    """Shared libraries that a machine may not have, by the names that programs ask for them by."""
    found = {}
    for line in output_of("ldd", *map(str, programs)).splitlines():
        asked = re.match(r"\s+(\S+) => (/\S+)", line)
        if asked and not EVERYWHERE.fullmatch(asked.group(1)):
            found[asked.group(1)] = pathlib.Path(asked.group(2))
        elif "not found" in line:
            fail(f"a library is missing here:{line}")
    return found


def check_paths(folder):
    """No program may look for a file where it was built."""
    for path in folder.iterdir():
        if str(ROOT).encode() in path.read_bytes():
            fail(f"{path.name} has a path of this tree in it, {ROOT}: expected files to be found beside the program, "
                 "as by tests/support/source_files.hpp")


def about(build, programs):
    cache = (build / "CMakeCache.txt").read_text()
    def cached(name):
        found = re.search(rf"^{name}:\w+=(.*)$", cache, re.M)
        return found.group(1) if found else ""
    nvcc = re.search(r"V([\d.]+)", output_of(cached("CMAKE_CUDA_COMPILER"), "--version"))
    commit, changed = "", ""
    if (ROOT / ".git").exists() and shutil.which("git"):
        commit = output_of("git", "rev-parse", "--short=12", "HEAD").strip()
        changed = output_of("git", "status", "--porcelain", "-uno", "include", "bench", "tests", "examples").strip()
    return {"commit": commit + ("+" if changed else ""), "toolkit": nvcc.group(1) if nvcc else "",
            "architectures": cached("CMAKE_CUDA_ARCHITECTURES"),
            "compiler": output_of(cached("CMAKE_CXX_COMPILER"), "--version").splitlines()[0],
            "programs": sorted(p.name for p in programs)}


def stage(build, folder):
    programs = programs_of(build)
    for name in ("bin", "lib"):
        (folder / name).mkdir(parents=True)
    for program in programs:
        subprocess.run(["strip", "-o", folder / "bin" / program.name, program], check=True)
    check_paths(folder / "bin")
    for name, path in libraries_of(programs).items():
        subprocess.run(["strip", "--strip-unneeded", "-o", folder / "lib" / name, path.resolve()], check=True)
    for pattern in FILES:
        sources = [p for p in sorted(ROOT.glob(pattern)) if p.is_file()]
        if not sources:
            fail(f"nothing is {pattern}")
        for source in sources:
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    (folder / "built.json").write_text(json.dumps(about(build, programs), indent=1) + "\n")
    (folder / "run").write_text(RUN)


def plain(entry):
    """Without what differs from build to build."""
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    entry.mode = 0o755 if entry.isdir() or "/bin/" in entry.name or entry.name.endswith("/run") else 0o644
    return entry


def pack(build, archive):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch, "gpu")
        stage(build, folder)
        unpacked = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        archive.unlink(missing_ok=True)
        with tarfile.open(archive, "w:xz", preset=9) as tar:
            tar.add(folder, "gpu", filter=plain)
        count = len(list((folder / "bin").iterdir()))
    size = archive.stat().st_size
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:12]
    print(f"{archive}: {count} programs, {size / 2**20:.1f} MiB ({unpacked / 2**20:.0f} unpacked), sha256 {digest}…")
    if size > MOST_MIB << 20:
        fail(f"{archive} is larger than the {MOST_MIB} MiB that it may have")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pack(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]))
