# SPDX-License-Identifier: Apache-2.0
"""Runs a program that may hang, crash, write without end, or leave children behind: it costs its time and no more."""
import ctypes
import dataclasses
import os
import select
import signal
import subprocess
import time

HEAD, TAIL = 256 << 10, 32 << 10  # bytes of a program's output that are kept: its beginning, and its end
PATIENCE = 5  # seconds that a killed program gets to be gone
LIBC = ctypes.CDLL(None)  # loaded here: a child between fork and exec may load nothing
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass
class Ended:
    verdict: str  # passed, failed, timed out
    why: str  # "" where it passed, else such as "status 3", "SIGSEGV", "after 20 s"
    seconds: float
    output: str  # where it was long, its beginning and its end


class Output:
    """What of an output is kept; written to the log, if there is one, as it comes."""

    def __init__(self, log):
        self.log = open(log, "ab", buffering=0) if log else None
        self.head, self.tail, self.left_out = bytearray(), bytearray(), 0

    def add(self, data):
        room = HEAD - len(self.head)
        self.head += data[:room]
        if self.log and room > 0:
            self.log.write(data[:room])
        self.tail += data[max(room, 0):]
        if len(self.tail) > TAIL:
            self.left_out += len(self.tail) - TAIL
            del self.tail[:-TAIL]

    def close(self):
        rest = bytes(self.tail)
        if self.left_out:
            rest = f"\n[{self.left_out} bytes left out]\n".encode() + rest
        if self.log:
            self.log.write(rest)
            self.log.close()
        return (bytes(self.head) + rest).decode(errors="replace")


def start(command, *, in_child=lambda: None, **options):
    """The program in a session of its own. It is killed once this process is gone: whoever kills that by its group
    does not know of the new one."""
    parent = os.getpid()
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it was gone before the call
            os._exit(1)
        in_child()
    return subprocess.Popen([str(c) for c in command], start_new_session=True, preexec_fn=prepare, **options)


def has_ended(process):
    """Leaves it a zombie, so that its process group keeps its number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def drain(pipe, output, most=1 << 20):
    """Reads what is there, and no more than `most`; False once nobody can write any more."""
    while most > 0:
        try:
            data = os.read(pipe, min(most, 1 << 16))
        except BlockingIOError:
            return True
        if not data:
            return False
        output.add(data)
        most -= len(data)
    return True


def end_group(process):
    """Kills what is left of the group, and says whether its leader is gone."""
    if process.returncode is not None:  # waited for, so its number may be another's
        return True
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        process.wait(timeout=PATIENCE)
        return True
    except subprocess.TimeoutExpired:
        return False


def run(command, seconds, *, log=None, environment=None):
    """The program in a process group of its own, which ends with it, or after so many seconds. Adds its output to the
    file `log` as it comes."""
    begin = time.monotonic()
    output = Output(log)
    # A signal whose handler raises must not come between the program's start and the `try` that ends it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    def unblock():
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                        env=environment, in_child=unblock)
    except OSError as why:
        unblock()
        output.add(f"{why}\n".encode())
        return Ended("failed", f"cannot be run: {why.strerror}", 0.0, output.close())
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    late, is_open = False, True
    try:
        unblock()
        while not has_ended(process) and not late:
            left = begin + seconds - time.monotonic()
            late = left <= 0
            if is_open and not late:
                select.select([pipe], [], [], min(left, 0.05))
                is_open = drain(pipe, output)
            elif not late:
                time.sleep(min(left, 0.01))
        if is_open:
            drain(pipe, output)
    finally:
        gone = end_group(process)
        process.stdout.close()
        text = output.close()
    took = time.monotonic() - begin
    if late:
        return Ended("timed out", f"after {seconds:.0f} s" + ("" if gone else ", and cannot be killed"), took, text)
    status = process.returncode
    if status == 0:
        return Ended("passed", "", took, text)
    return Ended("failed", f"status {status}" if status > 0 else signal.Signals(-status).name, took, text)
