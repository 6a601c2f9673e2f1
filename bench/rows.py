# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows: how the images of each are made, and what is done to them and timed.

A row's images are made once; what a run changes (the active layer) is made anew for each run.
"""

import json
import os
import subprocess
import time

from peers import Peer, describe

MIB = 1 << 20
TRIPS = 2000  # round trips that one run measures
MANY = 64


def tool(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def create(path, size=None, backing=None, **options):
    words = ["qemu-img", "create", "-q", "-f", "qcow2"]
    if options:
        words += ["-o", ",".join(f"{name}={value}" for name, value in options.items())]
    if backing is not None:
        words += ["-b", backing, "-F", "qcow2"]
    tool(*words, path, *([str(size)] if size else []))


def random_file(path, size):
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def fill_random(image, folder, size, **options):
    """@size random bytes at the beginning of a disk twice as long."""
    raw = folder / "random.raw"
    random_file(raw, size)
    words = ["-c"] if "compression_type" in options else []
    if options:
        words += ["-o", ",".join(f"{name}={value}" for name, value in options.items())]
    tool("qemu-img", "convert", "-W", "-f", "raw", "-O", "qcow2", *words, raw, image)
    raw.unlink()
    tool("qemu-img", "resize", "-q", image, str(2 * size))


def fill_text(image, folder, size, compression):
    """What compresses about as well as programs and logs do, each cluster differently."""
    raw = folder / "text.raw"
    words = [os.urandom(6).hex().encode() for _ in range(4096)]
    with open(raw, "wb") as file:
        while file.tell() < size:
            chosen = os.urandom(2 * 65536)
            block = b" ".join(
                words[(chosen[i] << 4 | chosen[i + 1] >> 4) & 4095] for i in range(0, 131072, 2)
            )
            file.write(block[:MIB // 2])
    tool("qemu-img", "convert", "-c", "-o", f"compression_type={compression}",
         "-f", "raw", "-O", "qcow2", raw, image)
    raw.unlink()


class Row:
    """One line of the table. `bytes` is what has to be copied: the limit is measured with as much."""

    unit = "s"

    def __init__(self, name, options):
        self.name = name
        self.size = options.size * MIB
        self.folder = None
        self.bytes = self.size

    def prepare(self):
        pass

    def renew(self):
        pass

    def measure(self, name, program):
        """What is timed, and the peak memory in MiB."""
        raise NotImplementedError


class Stream(Row):
    """A base under three overlays, of which the last takes everything in."""

    is_direct = False
    keeps_base = False
    options = {}

    def make_base(self, path):
        fill_random(path, self.folder, self.size, **self.options)

    def prepare(self):
        self.chain = [("qcow2", self.folder / "base.qcow2")]
        self.make_base(self.chain[0][1])
        for number in range(2):
            path = self.folder / f"overlay{number}.qcow2"
            create(path, backing=self.chain[-1][1], **self.overlay_options())
            self.chain.append(("qcow2", path))
        self.chain.append(("qcow2", self.folder / "active.qcow2"))

    def overlay_options(self):
        return {key: value for key, value in self.options.items() if key == "cluster_size"}

    def renew(self):
        path = self.chain[-1][1]
        path.unlink(missing_ok=True)
        create(path, backing=self.chain[-2][1], **self.overlay_options())

    def measure(self, name, program):
        peer = Peer(name, program, self.folder)
        peer.run("blockdev-add", **describe(self.chain, self.is_direct))
        arguments = {"base_node": "node0"} if self.keeps_base else {}
        begin = time.monotonic()
        peer.run("block-stream", device=f"node{len(self.chain) - 1}", job_id="job", **arguments)
        peer.wait_job("job", "null")
        # What one of them made durable and the other did not is no gain.
        with open(self.chain[-1][1], "rb") as file:
            os.fdatasync(file.fileno())
        seconds = time.monotonic() - begin
        memory = peer.peak_memory()
        peer.close()
        return seconds, memory


class StreamDirect(Stream):
    is_direct = True


class StreamToBase(Stream):
    """The data lies in the layer above the base, which stays."""

    keeps_base = True

    def make_base(self, path):
        create(path, size=2 * self.size)

    def prepare(self):
        super().prepare()
        raw = self.folder / "random.raw"
        random_file(raw, self.size)
        tool("qemu-io", "-f", "qcow2", "-c", f"write -q -s {raw} 0 {self.size}", self.chain[1][1])
        raw.unlink()


class StreamZeroes(Stream):
    """Zeros that are written out, as a guest leaves them that wipes its disk; 1 MiB in 64 is not."""

    def make_base(self, path):
        create(path, size=2 * self.size)
        commands = []
        for offset in range(0, self.size, 64 * MIB):
            length = min(64 * MIB, self.size - offset)
            commands += ["-c", f"write -q -P 0 {offset} {length}", "-c", f"write -q -P 7 {offset} {MIB}"]
        tool("qemu-io", "-f", "qcow2", *commands, path)


class StreamSparse(Stream):
    """1 TiB, in which 100 MiB are scattered."""

    def make_base(self, path):
        self.bytes = 100 * MIB
        create(path, size=1 << 40)
        step = (1 << 40) // 1600
        commands = []
        for number in range(1600):
            commands += ["-c", f"write -q -P {number % 255 + 1} {number * step // 65536 * 65536} 65536"]
        tool("qemu-io", "-f", "qcow2", *commands, path)


class StreamZlib(Stream):
    compression = "zlib"

    def make_base(self, path):
        fill_text(path, self.folder, self.size, self.compression)


class StreamZstd(StreamZlib):
    compression = "zstd"


class Stream512(Stream):
    options = {"cluster_size": 512}

    def __init__(self, name, options):
        super().__init__(name, options)
        self.size = self.bytes = self.size // 16


class Stream2M(Stream):
    options = {"cluster_size": 2 * MIB}


class StreamMany(Row):
    """As many jobs at once, each on a small chain of its own."""

    def prepare(self):
        self.bytes = MANY * 4 * MIB
        for number in range(MANY):
            fill_random(self.folder / f"base{number}.qcow2", self.folder, 4 * MIB)

    def renew(self):
        for number in range(MANY):
            path = self.folder / f"active{number}.qcow2"
            path.unlink(missing_ok=True)
            create(path, backing=self.folder / f"base{number}.qcow2")

    def measure(self, name, program):
        peer = Peer(name, program, self.folder)
        for number in range(MANY):
            chain = [("qcow2", self.folder / f"{kind}{number}.qcow2") for kind in ("base", "active")]
            peer.run("blockdev-add", **describe(chain, False, f"disk{number}-"))
        begin = time.monotonic()
        for number in range(MANY):
            peer.run("block-stream", device=f"disk{number}-1", job_id=f"job{number}",
                     auto_dismiss=False)
        while any(job["status"] != "concluded" for job in peer.run("query-jobs")):
            time.sleep(0.002)
        for number in range(MANY):
            with open(self.folder / f"active{number}.qcow2", "rb") as file:
                os.fdatasync(file.fileno())
        seconds = time.monotonic() - begin
        memory = peer.peak_memory()
        peer.close()
        return seconds, memory


class RoundTrip(Row):
    """One query and its answer, the median of many."""

    unit = "us"
    bytes = 0

    def __init__(self, name, options):
        super().__init__(name, options)
        self.bytes = 0

    def measure(self, name, program):
        peer = Peer(name, program, self.folder)
        request = json.dumps({"execute": "query-version"}).encode() + b"\n"
        times = []
        for _ in range(TRIPS):
            begin = time.monotonic()
            peer.socket.sendall(request)
            peer.stream.readline()
            times.append(time.monotonic() - begin)
        memory = peer.peak_memory()
        peer.close()
        return sorted(times)[TRIPS // 2] * 1e6, memory


class Start(Row):
    """From the start of the process to the first answer."""

    unit = "ms"

    def __init__(self, name, options):
        super().__init__(name, options)
        self.bytes = 0

    def measure(self, name, program):
        begin = time.monotonic()
        peer = Peer(name, program, self.folder)
        seconds = time.monotonic() - begin
        memory = peer.peak_memory()
        peer.close()
        return seconds * 1e3, memory


ROWS = {
    "stream": Stream,
    "stream-direct": StreamDirect,
    "stream-to-base": StreamToBase,
    "stream-zeroes": StreamZeroes,
    "stream-sparse": StreamSparse,
    "stream-zlib": StreamZlib,
    "stream-zstd": StreamZstd,
    "stream-512": Stream512,
    "stream-2m": Stream2M,
    "stream-many": StreamMany,
    "round-trip": RoundTrip,
    "start": Start,
}
