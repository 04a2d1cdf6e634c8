# SPDX-License-Identifier: Apache-2.0
"""What a run on a GPU found: summary.txt and results.json, complete whenever the run is stopped."""
import json
import os
import pathlib
import time

# Of a run, in its folder.
FILES = ("summary.txt", "results.json", "probes.txt", "tests.txt", "benchmarks.txt", "tools.txt", "bench_cuda*.json",
         "*.counters.json")
VERDICTS = ("passed", "failed", "timed out", "skipped")


def keep_earlier(folder):
    """Moves what an earlier run left there into before-1, or the next number that is free."""
    if not (folder / "results.json").exists():
        return
    number = 1
    while (folder / f"before-{number}").exists():
        number += 1
    kept = folder / f"before-{number}"
    kept.mkdir()
    for path in [p for pattern in FILES for p in folder.glob(pattern)]:
        os.replace(path, kept / path.name)


class Report:
    def __init__(self, folder, about, begin):
        self.folder, self.begin = pathlib.Path(folder), begin
        self.folder.mkdir(parents=True, exist_ok=True)
        keep_earlier(self.folder)
        (self.folder / "summary.txt").write_text("")
        self.results = {**about, "steps": []}
        self.save()

    def save(self):
        target = self.folder / "results.json"
        scratch = target.with_suffix(".new")
        scratch.write_text(json.dumps(self.results, indent=1) + "\n")
        os.replace(scratch, target)

    def say(self, text):
        with open(self.folder / "summary.txt", "a") as file:
            file.write(text + "\n")
        print(text, flush=True)

    def add(self, group, name, verdict, seconds, note):
        self.results["steps"].append({"group": group, "name": name, "verdict": verdict, "seconds": round(seconds, 2),
                                      "note": note})
        at = time.monotonic() - self.begin
        self.say(f"{at:6.1f} s  {verdict:9}  {seconds:6.1f} s  {group}: {name}" + (f": {note}" if note else ""))
        self.save()

    def count(self, verdict):
        return sum(step["verdict"] == verdict for step in self.results["steps"])

    def finish(self):
        """True if nothing failed and something passed."""
        took = time.monotonic() - self.begin
        counts = ", ".join(f"{self.count(v)} {v}" for v in VERDICTS)
        self.say("")
        for step in self.results["steps"]:
            if step["verdict"] in ("failed", "timed out"):
                self.say(f"{step['verdict']:9}  {step['group']}: {step['name']}: {step['note']}")
        self.results["seconds"] = round(took, 1)
        self.save()
        self.say(f"{counts} in {took:.0f} s; everything is in {self.folder}")
        return self.count("passed") > 0 and self.count("failed") == 0 and self.count("timed out") == 0
