# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two that are measured: qemu-shim and qemu-storage-daemon, told the same in the same words."""

import json
import os
import pathlib
import re
import socket
import subprocess
import time

TIMEOUT = 600
COMMANDS = {
    "qemu-shim": ["-nodefaults", "-chardev", "socket,id=mon,path=qmp.sock,server=on,wait=off",
                  "-mon", "chardev=mon,mode=control"],
    "qemu-storage-daemon": ["--chardev", "socket,id=mon,path=qmp.sock,server=on,wait=off",
                            "--monitor", "chardev=mon"],
}


class Peer:
    def __init__(self, name, program, folder):
        self.name = name
        self.path = folder / "qmp.sock"
        self.path.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [program, *COMMANDS[name]], cwd=folder, stdin=subprocess.DEVNULL
        )
        self.socket = self.connect()
        self.stream = self.socket.makefile("rb")
        self.events = []
        self.receive()
        self.run("qmp_capabilities")

    def connect(self):
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT)
            try:
                connection.connect(str(self.path))
                return connection
            except OSError:
                connection.close()
                if self.process.poll() is not None:
                    break
                time.sleep(0.0005)
        raise RuntimeError(f"{self.name} does not answer")

    def receive(self):
        line = self.stream.readline()
        if not line:
            raise RuntimeError(f"{self.name} is gone")
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
        return message

    def run(self, command, **arguments):
        request = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self.receive()
            if "error" in message:
                raise RuntimeError(f"{self.name}: {command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]

    def wait_job(self, job, status):
        """Until the job is there; how it ended is the caller's to ask."""
        while True:
            for event in self.events:
                data = event.get("data", {})
                if event["event"] == "JOB_STATUS_CHANGE" and data["id"] == job:
                    if data["status"] == status:
                        return
                    if data["status"] == "aborting":
                        jobs = self.run("query-jobs")
                        raise RuntimeError(f"{self.name}: {job}: {jobs}")
            self.events.clear()
            self.receive()

    def peak_memory(self):
        """MiB that were resident at most."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) / 1024

    def close(self):
        if self.process.poll() is None:
            self.run("quit")
        self.stream.close()
        self.socket.close()
        self.process.wait(TIMEOUT)


def describe(chain, is_direct, prefix="node"):
    """blockdev-add's options for a chain of (format, path), bottom first."""
    options = None
    for number, (image_format, path) in enumerate(chain):
        layer = {
            "driver": image_format,
            "node-name": f"{prefix}{number}",
            "file": {"driver": "file", "filename": str(path), "cache": {"direct": is_direct}},
        }
        if options is not None:
            layer["backing"] = options
        if number < len(chain) - 1:
            layer["read-only"] = True
        options = layer
    return options


def drop_caches(folder):
    """Nothing dirty, and as root nothing cached: each run begins alike."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")
    except OSError:
        for path in folder.iterdir():
            if path.is_file():
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
