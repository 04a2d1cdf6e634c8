#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pack_gpu.py with a program of this system in place of those that travel."""
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import unittest.mock

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tools"))
import pack_gpu  # noqa: E402


class PackGpu(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.build = pathlib.Path(self.scratch.name)
        self.program, self.archive = self.build / "gpu_something", self.build / "gpu.tar.xz"
        shutil.copyfile(shutil.which("true"), self.program)
        nvcc = self.build / "nvcc"
        nvcc.write_text("#!/bin/sh\necho Cuda compilation tools, release 13.0, V13.0.88\n")
        nvcc.chmod(0o755)
        (self.build / "CMakeCache.txt").write_text(f"CMAKE_CUDA_COMPILER:STRING={nvcc}\n"
                                                   f"CMAKE_CXX_COMPILER:FILEPATH={shutil.which('g++')}\n"
                                                   "CMAKE_CUDA_ARCHITECTURES:STRING=90-real\n")
        (self.build / "gpu_programs.txt").write_text(f"{self.program}\n")

    def tearDown(self):
        self.scratch.cleanup()

    def pack(self):
        """What it says; without the model, which takes long to compress."""
        said = io.StringIO()
        small = [pattern for pattern in pack_gpu.FILES if "model" not in pattern]
        with contextlib.redirect_stdout(said), unittest.mock.patch.object(pack_gpu, "FILES", small):
            pack_gpu.pack(self.build, self.archive)
        return said.getvalue()

    def test_packs_what_is_needed_to_run(self):
        self.assertIn("1 programs", self.pack())
        with tarfile.open(self.archive) as tar:
            names = {entry.name: entry for entry in tar.getmembers()}
            built = json.loads(tar.extractfile("gpu/built.json").read())
            tar.extractall(self.build)
        for name in ("bin/gpu_something", "run", "tools/run_gpu.py", "bench/peers/torch_works.py",
                     "tests/cuda/everyday.counters",
                     "tests/llama/references/grouped_f32/logits.npy"):
            self.assertIn(f"gpu/{name}", names)
        self.assertEqual((built["toolkit"], built["architectures"], built["programs"]),
                         ("13.0.88", "90-real", ["gpu_something"]))
        self.assertTrue(names["gpu/run"].mode & 0o100)
        helped = subprocess.run([self.build / "gpu" / "run", "--help"], capture_output=True, text=True)
        self.assertIn("within nine minutes", helped.stdout)

    def test_is_the_same_twice(self):
        self.pack()
        first = self.archive.read_bytes()
        self.pack()
        self.assertEqual(first, self.archive.read_bytes())

    def test_takes_the_model_along(self):
        pack_gpu.stage(self.build, self.build / "gpu")
        self.assertTrue((self.build / "gpu" / "examples" / "llama" / "model" / "model.safetensors").exists())

    def test_refuses_a_program_with_a_path_of_the_tree(self):
        note = self.build / "note"
        note.write_text(f"{TREE}/tests")
        subprocess.run(["objcopy", "--add-section", f".path={note}", "--set-section-flags", ".path=alloc,readonly",
                        self.program], check=True, stderr=subprocess.DEVNULL)
        with self.assertRaisesRegex(SystemExit, "gpu_something has a path of this tree in it"):
            self.pack()

    def test_names_what_is_not_built(self):
        self.program.unlink()
        with self.assertRaisesRegex(SystemExit, "gpu_something is not built"):
            self.pack()


if __name__ == "__main__":
    unittest.main()
