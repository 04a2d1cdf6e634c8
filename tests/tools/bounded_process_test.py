#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bounded_process.py with programs that hang, crash, write without end and leave children behind."""
import os
import pathlib
import sys
import tempfile
import time
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import bounded_process  # noqa: E402


def is_alive(pid):
    """A process that is there and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_gone(pid):
    """Soon: a busy machine ends what was killed a moment later."""
    end = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_alive(pid)


class BoundedProcess(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name, "log")

    def tearDown(self):
        self.folder.cleanup()

    def run_shell(self, text, seconds=20):
        return bounded_process.run(["sh", "-c", text], seconds, log=self.log)

    def test_passes(self):
        ended = self.run_shell("echo well; echo also >&2")
        self.assertEqual((ended.verdict, ended.why, ended.output), ("passed", "", "well\nalso\n"))
        self.assertEqual(self.log.read_text(), ended.output)

    def test_says_how_it_failed(self):
        for text, why in (("exit 3", "status 3"), ("kill -SEGV $$", "SIGSEGV")):
            ended = self.run_shell("echo before; " + text)
            self.assertEqual((ended.verdict, ended.why, ended.output), ("failed", why, "before\n"))

    def test_a_program_that_is_not_there(self):
        ended = bounded_process.run(["/nowhere/program"], 5, log=self.log)
        self.assertEqual((ended.verdict, ended.why), ("failed", "cannot be run: No such file or directory"))

    def test_a_hang_costs_its_time_and_all_its_children(self):
        ended = self.run_shell("sleep 61 & echo $!; echo $$; wait", seconds=1)
        self.assertEqual((ended.verdict, ended.why), ("timed out", "after 1 s"))
        self.assertLess(ended.seconds, 3)
        for pid in ended.output.split():
            self.assertTrue(is_gone(pid))

    def test_a_hang_that_ignores_signals_and_closed_its_output(self):
        ended = self.run_shell("trap '' TERM INT; exec >&- 2>&-; sleep 61", seconds=1)
        self.assertEqual(ended.verdict, "timed out")
        self.assertLess(ended.seconds, 3)

    def test_a_child_that_stays_is_ended(self):
        ended = self.run_shell("sleep 61 & echo $!")
        self.assertEqual(ended.verdict, "passed")
        self.assertLess(ended.seconds, 5)
        self.assertTrue(is_gone(ended.output.strip()))

    def test_output_is_on_disk_while_the_program_runs(self):
        text = f"echo early; sleep 0.5; cat {self.log} | tr a-z A-Z"
        self.assertEqual(self.run_shell(text).output, "early\nEARLY\n")

    def test_keeps_the_beginning_and_the_end_of_much_output(self):
        ended = self.run_shell("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; exit 4")
        self.assertEqual(ended.why, "status 4")
        self.assertTrue(ended.output.startswith("first\nxxx"))
        self.assertTrue(ended.output.endswith("xxx\nlast\n"))
        self.assertRegex(ended.output, r"\[\d+ bytes left out\]")
        self.assertLess(self.log.stat().st_size, bounded_process.HEAD + bounded_process.TAIL + 100)

    def test_output_without_end(self):
        ended = self.run_shell("yes", seconds=1)
        self.assertEqual(ended.verdict, "timed out")
        self.assertLess(ended.seconds, 3)
        self.assertLess(self.log.stat().st_size, bounded_process.HEAD + bounded_process.TAIL + 100)

    def test_what_runs_a_program_takes_it_along_when_it_is_killed(self):
        inner = "import bounded_process; bounded_process.run(['sh', '-c', 'echo $$ >&2; exec sleep 61'], 60, log='{}')"
        started = pathlib.Path(self.folder.name, "inner")
        middle = inner.format(started)
        path = str(pathlib.Path(bounded_process.__file__).parent)
        ended = bounded_process.run([sys.executable, "-c", middle], 2, environment={**os.environ, "PYTHONPATH": path})
        self.assertEqual(ended.verdict, "timed out", ended.output)
        self.assertTrue(is_gone(started.read_text().strip()))

    def test_a_program_whose_number_may_be_anothers_is_not_killed(self):
        process = bounded_process.start(["true"])
        process.wait()
        with unittest.mock.patch("os.killpg") as killpg:
            self.assertTrue(bounded_process.end_group(process))
        killpg.assert_not_called()

    def test_has_no_input(self):
        self.assertEqual(self.run_shell("cat; echo end").output, "end\n")


if __name__ == "__main__":
    unittest.main()
