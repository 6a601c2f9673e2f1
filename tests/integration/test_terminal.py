# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person sees on a terminal, and what Ctrl-C does there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from conftest import BUILD, DEADLINE


class Terminal:
    """vblk on a terminal of its own, whose keys are ours."""

    def __init__(self, world, *words, columns=80):
        self.keys, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = ""
        self.process = subprocess.Popen(
            [BUILD / "tools/vblk", *map(str, words)],
            env=world.env, stdin=end, stdout=end, stderr=end, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(end)

    def read(self):
        """FALSE at the end."""
        if not select.select([self.keys], [], [], DEADLINE)[0]:
            raise AssertionError(f"silent; so far: {self.seen!r}")
        try:
            data = os.read(self.keys, 65536)
        except OSError:  # nobody has the terminal open any more
            return False
        self.seen += data.decode()
        return bool(data)

    def read_until(self, text):
        while text not in self.seen:
            assert self.read(), f"no {text!r} in {self.seen!r}"

    def finish(self):
        while self.read():
            pass
        os.close(self.keys)
        return self.process.wait(DEADLINE)


def lines_drawn(seen):
    """Each as it stands after it was drawn over the one before."""
    return [part.split("\x1b[K")[0] for part in seen.split("\r") if "\x1b[K" in part]


def slow_pull(world, *words, columns=80):
    world.define(world.make_chain(depth=2))
    return Terminal(
        world, "blockpull", "web1", "vda", "--bandwidth", "8", "--wait", "--verbose", *words,
        columns=columns,
    )


def test_a_bar_with_rate_and_time_left_is_drawn_in_one_place(world):
    terminal = slow_pull(world)
    terminal.read_until(" MiB/s, 0:")
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    assert terminal.finish() == 0
    drawn = lines_drawn(terminal.seen)
    assert len(drawn) >= 3
    assert all("░" in line or "█" in line for line in drawn)
    assert all(len(line) < 80 for line in drawn)
    assert "[100 %] " + "█" * 24 in drawn[-1] and drawn[-1].endswith("iB/s, completed")
    assert "\n" not in terminal.seen[: terminal.seen.index("[100 %]")]
    assert terminal.seen.replace("\r\n", "\n").endswith("\n\nPull complete\n\n")


def test_a_narrow_terminal_gets_a_line_that_does_not_wrap(world):
    terminal = slow_pull(world, columns=60)
    terminal.read_until(" MiB/s, 0:")
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    assert terminal.finish() == 0
    assert all(len(line) < 60 for line in lines_drawn(terminal.seen))


def test_without_a_terminal_there_are_plain_lines(world):
    world.define(world.make_chain(depth=2))
    done = world.vblk("blockpull", "web1", "vda", "--wait", "--verbose")
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Block Pull: [")
    assert lines[-1].startswith("Block Pull: [100 %] ") and lines[-1].endswith("iB/s")
    assert done.stdout == "\nPull complete\n\n"


def test_ctrl_c_aborts_the_job_and_says_so(world):
    terminal = slow_pull(world)
    terminal.read_until("░")
    os.write(terminal.keys, b"\x03")
    assert terminal.finish() == 1
    assert terminal.seen.replace("\r\n", "\n").endswith("\nPull aborted\n\n")
    assert world.jobs() == []
    assert world.jobs("--all")[0]["state"] == "cancelled"
    assert world.chain() == ["sn1.qcow2", "base.qcow2"]


def test_a_timeout_aborts_the_job(world):
    terminal = slow_pull(world, "--timeout", "1")
    assert terminal.finish() == 1
    assert "Pull aborted" in terminal.seen
    assert world.jobs("--all")[0]["state"] == "cancelled"


def test_with_async_an_abort_is_not_waited_for(world):
    terminal = slow_pull(world, "--async")
    terminal.read_until("░")
    os.write(terminal.keys, b"\x03")
    assert terminal.finish() == 1
    assert "Pull aborted" in terminal.seen
