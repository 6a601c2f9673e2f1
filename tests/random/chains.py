#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""chains.py: random chains, random jobs on them, guest writes in between, and a model to judge.

usage: chains.py QEMU_SHIM [--seconds N] [--seed N] [--rounds N] [--reflink]

Each round makes a chain with qemu-img and qemu-io, runs jobs on it in qemu-shim while a guest
writes, and then reads every image of it through both: the bytes must be those of a plain model, and
both checks must be clean. A round is drawn from a seed of its own, which is printed when it fails:
`--seed N --rounds 1` does just that round again. With --reflink the images are on an XFS of our own,
whose files share blocks; that needs root.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

from images import Image, draw_range, make_chain, pattern_bytes, run, verify
from peer import Peer

MOST_ACTIONS = 5
ENDED = ("concluded", "pending")


class Machine:
    """qemu-shim with the chain as its disk, the chain's model, and what was done."""

    def __init__(self, shim, folder, chain, rng):
        self.folder = folder
        self.chain = chain
        self.rng = rng
        self.done = []
        self.count = 0
        self.peer = Peer(
            [shim, "-qmp", "unix:qmp.sock,server=on,wait=off", "-nodefaults"], folder
        )
        self.peer.greet()
        self.run("blockdev-add", self.describe(len(chain) - 1))

    def describe(self, index):
        """Every layer named by us, so that jobs can tell of them."""
        image = self.chain[index]
        options = {
            "driver": image.format,
            "node-name": self.name(image),
            "file": {"driver": "file", "filename": image.path},
        }
        if index > 0:
            options["backing"] = self.describe(index - 1)
        if index < len(self.chain) - 1:
            options["read-only"] = True
        return options

    @staticmethod
    def name(image):
        return pathlib.Path(image.path).name

    def run(self, command, arguments):
        """Any refusal ends the round: all that is asked for here is right."""
        self.done.append(f"{command} {json.dumps(arguments)}")
        answer = self.peer.command(json.dumps({"execute": command, "arguments": arguments}))
        if "error" in answer:
            raise AssertionError(f"{command} {arguments}: {answer['error']}")
        return answer["return"]

    @property
    def top(self):
        return self.chain[-1]

    def guest_write(self):
        offset, length = draw_range(self.rng, self.top.size)
        pattern = self.rng.randrange(1, 256)
        is_zero = self.rng.random() < 0.2
        words = "-z" if is_zero else f"-P {pattern}"
        line = f'qemu-io {self.name(self.top)} "write {words} {offset} {length}"'
        said = self.run("human-monitor-command", {"command-line": line})
        if "wrote" not in said:
            raise AssertionError(f"{line}: {said}")
        self.top.write(offset, bytes(length) if is_zero else pattern_bytes(pattern, length))

    def wait_for_job(self, job_id):
        """Guest writes go on until the job has ended."""
        while True:
            jobs = {job["id"]: job for job in self.run("query-jobs", {})}
            if jobs[job_id]["status"] in ENDED:
                break
            if self.rng.random() < 0.3:
                self.guest_write()
        if jobs[job_id].get("error"):
            raise AssertionError(f"{job_id}: {jobs[job_id]['error']}")
        if jobs[job_id]["status"] == "pending":
            self.run("job-finalize", {"id": job_id})
            self.peer.wait_event(
                "JOB_STATUS_CHANGE", [("id", job_id), ("status", "concluded")], 0
            )
        self.run("job-dismiss", {"id": job_id})

    def begin(self, job):
        self.count += 1
        job_id = f"{job}{self.count}"
        common = {"job-id": job_id, "auto-dismiss": False, "speed": 0}
        if self.rng.random() < 0.5:
            common["speed"] = self.rng.randrange(1 << 20, 1 << 26)
        if self.rng.random() < 0.5:
            common["auto-finalize"] = False
        return job_id, common

    def stream(self):
        """Down to any layer below, or to the bottom."""
        if len(self.chain) < 2 or self.top.kept is not None:
            return
        base = self.rng.randrange(-1, len(self.chain) - 1)
        job_id, arguments = self.begin("stream")
        arguments["device"] = self.name(self.top)
        if base >= 0:
            arguments["base-node"] = self.name(self.chain[base])
        self.run("block-stream", arguments)
        self.wait_for_job(job_id)
        self.chain[base + 1 : -1] = []

    def cancelled_stream(self):
        """What was copied may stay, what the guest reads may not change."""
        if len(self.chain) < 2 or self.top.kept is not None:
            return
        job_id, arguments = self.begin("stream")
        arguments["device"] = self.name(self.top)
        arguments["speed"] = 65536
        arguments["auto-finalize"] = False
        self.run("block-stream", arguments)
        self.guest_write()
        self.run("job-cancel", {"id": job_id})
        self.peer.wait_event("JOB_STATUS_CHANGE", [("id", job_id), ("status", "concluded")], 0)
        self.run("job-dismiss", {"id": job_id})

    def snapshot(self):
        self.count += 1
        path = str(self.folder / f"overlay{self.count}")
        arguments = {
            "node-name": self.name(self.top),
            "snapshot-file": path,
            "snapshot-node-name": pathlib.Path(path).name,
            "format": "qcow2",
        }
        self.run("blockdev-snapshot-sync", arguments)
        self.chain.append(Image(path, "qcow2", bytearray(self.top.content), self.top))

    def act(self):
        actions = [self.stream, self.cancelled_stream, self.snapshot, self.guest_write]
        action = self.rng.choice(actions)
        action()
        return action.__name__

    def close(self):
        status = self.peer.end()
        log = self.peer.read_log()
        self.peer.close()
        if status != 0 or log:
            raise AssertionError(f"qemu-shim ended with {status}; it said: {log}")


def play(shim, folder, seed, statistics):
    rng = random.Random(seed)
    chain = make_chain(rng, folder)
    for image in chain:
        verify(shim, image, folder)

    machine = Machine(shim, folder, chain, rng)
    try:
        for _ in range(rng.randrange(1, MOST_ACTIONS + 1)):
            statistics[machine.act()] += 1
        machine.close()
        for image in machine.chain:
            verify(shim, image, folder)
    except Exception as error:
        done = "\n".join(machine.done)
        raise AssertionError(f"{error}\nwhat was done:\n{done}") from error
    finally:
        machine.peer.close()


@contextlib.contextmanager
def reflink_folder():
    """A small XFS on a loop device, which goes with us."""
    with tempfile.TemporaryDirectory(prefix="chains-xfs-") as name:
        image, mount = pathlib.Path(name) / "image", pathlib.Path(name) / "mount"
        mount.mkdir()
        with open(image, "wb") as file:
            file.truncate(400 << 20)
        run("mkfs.xfs", "-q", "-m", "reflink=1", image)
        run("mount", "-o", "loop", image, mount)
        try:
            yield str(mount)
        finally:
            run("umount", mount)


def play_rounds(options, parent=None):
    statistics = collections.Counter()
    end = time.monotonic() + options.seconds
    number = 0
    while number < options.rounds if options.rounds else time.monotonic() < end:
        seed = options.seed + number
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chains-", dir=parent))
        try:
            play(options.shim, folder, seed, statistics)
        except Exception as error:
            for line in str(error).splitlines():
                print(f"# {line}")
            print(f"not ok 1 - random chains # again: --seed {seed} --rounds 1")
            return 1
        finally:
            shutil.rmtree(folder)
        number += 1
    print(f"# {number} chains from seed {options.seed}: {dict(statistics)}")
    print("ok 1 - random chains read as the model says")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shim")
    parser.add_argument("--reflink", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    options.shim = str(pathlib.Path(options.shim).resolve())

    print("1..1")
    if shutil.which("qemu-img") is None or shutil.which("qemu-io") is None:
        print("ok 1 - random chains # SKIP qemu-img and qemu-io are not installed")
        return 0
    if not options.reflink:
        return play_rounds(options)
    if os.geteuid() != 0:
        print("ok 1 - random chains # SKIP to mount a file system needs root")
        return 0
    with reflink_folder() as folder:
        return play_rounds(options, folder)


if __name__ == "__main__":
    sys.exit(main())
