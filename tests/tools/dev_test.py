#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev on machines that lack packages, a way to install them, or a tool: it always says what to do.

The machine is a PATH of stand-ins: dpkg-query, apt-get, id and sudo are programs of a line each.
"""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

DEV = pathlib.Path(__file__).parents[2] / "dev"
TOOLS = ("bash", "dirname", "awk", "tr", "env", "nproc", "mkdir", "cat", "sed", "grep", "true")


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.bin = pathlib.Path(self.folder.name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.stand_in("dpkg-query", "exit 1")  # as on a machine that has none of the packages
        self.stand_in("id", "echo 0")

    def stand_in(self, name, *lines):
        path = self.bin / name
        path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        path.chmod(0o755)

    def dev(self, *arguments):
        done = subprocess.run([str(DEV), *arguments], env={"PATH": str(self.bin)}, capture_output=True, text=True,
                              timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_a_user_without_root_or_sudo_is_told_what_to_ask_for(self):
        self.stand_in("id", "echo 1000")
        for command in ("demo", "test", "bench", "docs", "fuzz", "lint"):
            status, said = self.dev(command)
            self.assertEqual(status, 1, said)
            self.assertRegex(said, r"dev: packages are missing, and this is neither root nor sudo\. As root: apt-get "
                                   r"update && apt-get install .*g\+\+.* cmake ")

    def test_a_user_with_sudo_installs_through_it(self):
        self.stand_in("id", "echo 1000")
        self.stand_in("apt-get", "exit 1")
        self.stand_in("sudo", 'echo "sudo $*"', "exit 100")
        _, said = self.dev("demo")
        self.assertRegex(said, r"sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y .* cmake ")

    def test_failing_installation_names_the_command_by_hand(self):
        self.stand_in("apt-get", 'echo "E: Could not resolve host"', "exit 100")
        status, said = self.dev("demo")
        self.assertEqual(status, 1, said)
        self.assertIn("E: Could not resolve host", said)
        self.assertIn("dev: apt-get could not install what is missing, see above. By hand, as root: apt-get update && "
                      "apt-get install --no-install-recommends g++ cmake", said)

    def test_only_what_is_missing_is_installed(self):
        self.stand_in("dpkg-query", 'echo "ii  g++"', 'echo "ii  cmake"', 'echo "un  ccache"', "exit 1")
        self.stand_in("apt-get", 'echo "apt-get $*"', "exit 100")
        _, said = self.dev("demo")
        self.assertRegex(said, r"Installing ninja-build ccache ")

    def test_a_tool_that_fails_is_named_with_its_line(self):
        self.stand_in("dpkg-query", 'for package; do echo "ii  $package"; done')  # as where all are installed
        self.stand_in("nvcc", 'echo "nvcc: cannot start"', "exit 7")
        status, said = self.dev("demo")
        self.assertEqual(status, 7, said)
        self.assertRegex(said, r"dev: line \d+ ended with status 7: .*version=")

    def test_unknown_commands_are_refused_with_the_list(self):
        status, said = self.dev("dmeo")
        self.assertEqual(status, 1)
        self.assertIn("dev: unknown command 'dmeo'", said)
        self.assertIn("usage: ./dev COMMAND", said)


if __name__ == "__main__":
    unittest.main()
