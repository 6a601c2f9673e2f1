#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""nbd: images on the exports of qemu-nbd, qemu-storage-daemon and nbdkit, as TAP.

usage: nbd.py SHIM
"""

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SHIM = str(pathlib.Path(sys.argv[1]).resolve())
TIMEOUT = 30


class Difference(Exception):
    pass


def run(*words, cwd, status=0):
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT,
                          check=False)
    if done.returncode != status:
        raise Difference(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout if status == 0 else done.stderr


@contextlib.contextmanager
def server(folder, is_there, *words):
    with subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + TIMEOUT
            while not is_there():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Difference(f"{words[0]} does not listen")
                time.sleep(0.01)
            yield
        finally:
            process.terminate()


def find_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_image(folder):
    run("qemu-img", "create", "-q", "-f", "qcow2", "image.qcow2", "4M", cwd=folder)
    run("qemu-io", "-c", "write -P 1 100k 1M", "-c", "write -z 200k 64k", "-c", "write -P 2 3M 64k",
        "image.qcow2", cwd=folder)
    run("qemu-img", "convert", "-O", "raw", "image.qcow2", "wanted.raw", cwd=folder)


def check_content(folder, name):
    run(SHIM, "convert", "-f", "raw", "-O", "raw", name, "got.raw", cwd=folder)
    if (folder / "got.raw").read_bytes() != (folder / "wanted.raw").read_bytes():
        raise Difference(f"{name} reads otherwise")
    (folder / "got.raw").unlink()


def check_reading(folder):
    with server(folder, (folder / "s").exists, "qemu-nbd", "-t", "-e", "9", "-x", "disk", "-k",
                folder / "s", "-f", "qcow2", "image.qcow2"):
        for name in (f"nbd+unix:///disk?socket={folder}/s", f"nbd:unix:{folder}/s:exportname=disk",
                     json_name({"type": "unix", "path": f"{folder}/s"}, "disk")):
            check_content(folder, name)
        said = run(SHIM, "map", "-f", "raw", "--output=json", f"nbd+unix:///disk?socket={folder}/s",
                   cwd=folder)
        if not any(entry["zero"] for entry in json.loads(said)):
            raise Difference("the server's zeros are not told")
        said = run(SHIM, "info", "-f", "raw", f"nbd+unix:///none?socket={folder}/s", cwd=folder,
                   status=1)
        if "Failed to connect" not in said:
            raise Difference(f"an export that is not there: {said}")


def json_name(address, export):
    return "json:" + json.dumps({"driver": "nbd", "server": address, "export": export})


def check_writing(folder):
    size = (folder / "wanted.raw").stat().st_size
    with server(folder, (folder / "w").exists, "nbdkit", "-f", "-U", folder / "w", "memory",
                str(size)):
        name = f"nbd+unix://?socket={folder}/w"
        run(SHIM, "convert", "-n", "-O", "raw", "image.qcow2", name, cwd=folder)
        check_content(folder, name)
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", "wanted.raw", name, cwd=folder)


def check_tcp(folder):
    port = find_port()
    with server(folder, lambda: is_open(port), "nbdkit", "-f", "-i", "127.0.0.1", "-p", str(port),
                "file", "wanted.raw"):
        for name in (f"nbd://127.0.0.1:{port}", f"nbd:127.0.0.1:{port}",
                     json_name({"type": "inet", "host": "127.0.0.1", "port": str(port)}, "")):
            check_content(folder, name)


def check_read_only_export(folder):
    with server(folder, (folder / "r").exists, "nbdkit", "-f", "-r", "-U", folder / "r", "memory",
                "4M"):
        said = run(SHIM, "convert", "-n", "-O", "raw", "image.qcow2",
                   f"nbd+unix://?socket={folder}/r", cwd=folder, status=1)
        if "request on write denied" not in said:
            raise Difference(said)


def check_failing_server(folder):
    with server(folder, (folder / "e").exists, "nbdkit", "-f", "-U", folder / "e",
                "--filter=error", "memory", "4M", "error-pread=EIO", "error-pread-rate=1"):
        said = run(SHIM, "convert", "-f", "raw", "-S", "0", "-O", "raw",
                   f"nbd+unix://?socket={folder}/e", "broken.raw", cwd=folder, status=1)
        if "Input/output error" not in said:
            raise Difference(said)


def check_image_on_an_export(folder):
    shutil.copy(folder / "image.qcow2", folder / "held.qcow2")
    with server(folder, (folder / "d").exists, "qemu-storage-daemon", "--blockdev",
                "driver=file,node-name=f,filename=held.qcow2", "--nbd-server",
                f"addr.type=unix,addr.path={folder}/d", "--export",
                "type=nbd,id=e,node-name=f,name=held,writable=on"):
        name = "json:" + json.dumps({"driver": "qcow2", "file": {
            "driver": "nbd", "server": {"type": "unix", "path": f"{folder}/d"}, "export": "held"}})
        run(SHIM, "compare", "-F", "raw", name, "wanted.raw", cwd=folder)
        run(SHIM, "bench", "-w", "-q", "-c", "4", "-d", "2", "-o", "3M", "-s", "4k", "--pattern=2",
            name, cwd=folder)
        run(SHIM, "compare", "-F", "raw", name, "wanted.raw", cwd=folder)


def check_names_inside_images(folder):
    for backing in (f"nbd+unix:///disk?socket={folder}/s", "nbd:localhost:10809"):
        run("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", "raw", "bad.qcow2",
            "1M", cwd=folder)
        said = run(SHIM, "map", "bad.qcow2", cwd=folder, status=1)
        if "only plain paths are followed" not in said:
            raise Difference(said)


def main():
    needed = ("qemu-img", "qemu-nbd", "qemu-storage-daemon", "nbdkit")
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        print(f"1..0 # SKIP there is no {missing[0]}")
        return
    checks = (check_reading, check_writing, check_tcp, check_read_only_export, check_failing_server,
              check_image_on_an_export, check_names_inside_images)
    print(f"1..{len(checks)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="nbd-") as root:
        folder = pathlib.Path(root)
        make_image(folder)
        for number, check in enumerate(checks, 1):
            title = check.__name__[6:].replace("_", " ")
            try:
                check(folder)
                print(f"ok {number} - {title}")
            except (Difference, ValueError, OSError, subprocess.SubprocessError) as error:
                print(f"not ok {number} - {title}\n# {error}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
