# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests stand on: a daemon of their own in a temporary folder.

Environment: VIRTBLOCK_BUILD, the build folder (set by meson). Each test prints one TAP line.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

BUILD = pathlib.Path(os.environ["VIRTBLOCK_BUILD"])
DEADLINE = 60  # seconds that anything may take before the test calls it hung


class TapReporter:
    def __init__(self):
        self.count = 0

    def line(self, report, word, comment=""):
        self.count += 1
        name = report.nodeid.split("::")[-1]
        print(f"\n{word} {self.count} - {name}{comment}", flush=True)
        if word == "not ok":
            for text in str(report.longrepr).splitlines():
                print(f"# {text}")

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.line(report, "ok", f" # SKIP {reason}")
        elif report.failed:
            self.line(report, "not ok")
        elif report.when == "call":
            self.line(report, "ok")

    def pytest_sessionfinish(self):
        print(f"\n1..{self.count}", flush=True)


def pytest_configure(config):
    config.option.verbose = 0  # asked for by assertions, set by the terminal we do without
    config.pluginmanager.register(TapReporter())


def wait_for(condition, what):
    """Waits for what no event tells of; never for a fixed time."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {DEADLINE} s for {what}")


class World:
    """A daemon, its state and images, in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "run" / "sock"
        self.env = dict(
            os.environ,
            LC_ALL="C.UTF-8",
            XDG_RUNTIME_DIR=str(folder),
            XDG_STATE_HOME=str(folder / "xdg-state"),
            VIRTBLOCK_URI=f"virtblock+unix://{self.socket}",
        )
        self.env.pop("DBUS_SESSION_BUS_ADDRESS", None)
        self.daemon = None

    def start(self):
        with open(self.folder / "daemon.log", "ab") as log:
            self.daemon = subprocess.Popen(
                [
                    BUILD / "daemon/virtblockd", "--session", "--socket", self.socket,
                    "--state-dir", self.folder / "state", "--timeout", "0",
                ],
                env=self.env, stdout=log, stderr=log,
            )
        wait_for(lambda: self.vblk("list", check=False).returncode == 0, "virtblockd")

    def kill(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def shims(self):
        """Process ids of the shims that serve this world."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"qemu-shim") and str(self.folder).encode() in b" ".join(words):
                found.append(int(entry.name))
        return found

    def stop(self):
        if self.daemon.poll() is None:
            self.daemon.terminate()
            status = self.daemon.wait(DEADLINE)
            assert status == 0, f"virtblockd ended with {status}"
        for pid in self.shims():
            os.kill(pid, signal.SIGKILL)

    def log(self):
        return (self.folder / "daemon.log").read_text(encoding="utf-8")

    def vblk(self, *words, check=True, **more):
        done = subprocess.run(
            [BUILD / "tools/vblk", *map(str, words)],
            env=self.env, capture_output=True, text=True, timeout=DEADLINE, **more,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def fails(self, *words):
        """The one line of the error of a command that must fail."""
        done = self.vblk(*words, check=False)
        assert done.returncode == 1, done
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
        return lines[0]

    def shim(self, *words, check=True, **more):
        done = subprocess.run(
            [BUILD / "qemu-shim/qemu-shim", *map(str, words)],
            capture_output=True, text=True, timeout=DEADLINE, **more,
        )
        if check:
            assert done.returncode == 0, done.stderr + done.stdout
        return done

    def write(self, image, *commands, fmt="qcow2"):
        lines = "".join(f'qemu-io disk "{command}"\n' for command in commands)
        done = self.shim(
            "-drive", f"file={image},if=none,id=disk,format={fmt}", "-monitor", "stdio",
            input=lines + "quit\n",
        )
        assert done.stdout.count("wrote ") == len(commands), done.stdout

    def path(self, name):
        return self.folder / "images" / name

    def make_chain(self, depth=4, size="256M"):
        """base <- sn1 <- ..., each with data of its own; a copy is kept beside."""
        (self.folder / "images").mkdir(exist_ok=True)
        noise = self.path("noise")
        noise.write_bytes(random.Random(7).randbytes(300007))
        for i in range(depth):
            name = self.path("base.qcow2" if i == 0 else f"sn{i}.qcow2")
            if i == 0:
                self.shim("create", "-f", "qcow2", name, size)
            else:
                below = "base.qcow2" if i == 1 else f"sn{i - 1}.qcow2"
                self.shim("create", "-f", "qcow2", "-b", below, "-F", "qcow2", name)
            self.write(name, f"write -s {noise} {i * 16}M 32M", f"write -P {i + 1} {200 + i}M 512k")
        self.save()
        return self.path(f"sn{depth - 1}.qcow2")

    def save(self):
        saved = self.folder / "saved"
        saved.mkdir(exist_ok=True)
        for image in self.path("").glob("*.qcow2"):
            subprocess.run(["cp", "--sparse=always", image, saved], check=True)

    def check_data(self, image):
        """The guest's bytes are what they were, and the image is sound."""
        self.shim("compare", image, self.folder / "saved" / image.name)
        assert self.shim("check", image, check=False).returncode in (0, 3)

    def define(self, image, name="web1"):
        xml = self.folder / f"{name}.xml"
        xml.write_text(
            f"<domain type='kvm'><name>{name}</name><memory unit='MiB'>64</memory><os><type>hvm"
            f"</type></os><devices><disk type='file' device='disk'><driver name='qemu' "
            f"type='qcow2'/><source file='{image}'/><target dev='vda' bus='virtio'/></disk>"
            f"</devices></domain>",
            encoding="utf-8",
        )
        self.vblk("define", xml)

    def chain(self, name="web1"):
        layers = json.loads(self.vblk("-q", "chain", name, "vda", "--json").stdout)
        return [pathlib.Path(layer["path"]).name for layer in layers["disks"][0]["layers"]]

    def jobs(self, *words):
        return json.loads(self.vblk("-q", "jobs", "--json", *words).stdout)

    def events(self):
        done = self.vblk(
            "-q", "event", "--all", "--loop", "--since", "0", "--timeout", "1", "--json", check=False
        )
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def world(tmp_path):
    tmp_path.chmod(0o700)
    made = World(tmp_path)
    made.start()
    yield made
    made.stop()
