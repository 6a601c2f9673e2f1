#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools: the image tools of qemu-shim beside those of QEMU, on images made by QEMU, as TAP.

usage: tools.py SHIM
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

SHIM = str(pathlib.Path(sys.argv[1]).resolve())
TIMEOUT = 60
SIZE = 4 * 1024 * 1024

# What an image is made with, and what is done to it: (name, options of create, backing, commands).
IMAGES = [
    ("empty.qcow2", "compat=1.1", None, []),
    ("old.qcow2", "compat=0.10", None, ["write -P 1 0 100k", "write -P 2 1M 1M"]),
    ("small.qcow2", "cluster_size=4k", None, ["write -P 1 3k 9k", "write -z 64k 64k"]),
    ("large.qcow2", "cluster_size=2M", None, ["write -P 7 1M 64k"]),
    ("zeros.qcow2", "compat=1.1", None,
     ["write -P 1 0 1M", "write -z 256k 256k", "write -z -u 512k 128k", "discard 768k 64k"]),
    ("base.qcow2", "compat=1.1", None, ["write -P 1 0 2M", "write -P 3 3M 100k"]),
    ("over.qcow2", "cluster_size=16k", "base.qcow2", ["write -P 2 100k 300k", "write -z 1M 500k"]),
    ("top.qcow2", "compat=1.1", "over.qcow2", ["write -P 4 3500k 64k", "discard 0 128k"]),
    ("plain.raw", None, None, ["write -P 5 64k 64k", "write -P 6 3M 4k"]),
]


class Difference(Exception):
    pass


def run(*words, cwd):
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT,
                          check=False)
    if done.returncode != 0:
        raise Difference(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def format_of(name):
    return "raw" if name.endswith(".raw") else "qcow2"


def make_image(folder, name, options, backing, commands):
    words = ["-o", options] if options else []
    words += ["-b", backing, "-F", format_of(backing)] if backing else []
    run("qemu-img", "create", "-q", "-f", format_of(name), *words, name, str(SIZE), cwd=folder)
    for command in commands:
        run("qemu-io", "-f", format_of(name), "-d", "unmap", "-c", command, name, cwd=folder)


def make_random_image(folder, name, seed):
    chance = random.Random(seed)
    commands = []
    for _ in range(12):
        offset = chance.randrange(0, SIZE - 512, 512)
        length = min(chance.choice((512, 4096, 65536, 300 * 1024)), SIZE - offset)
        kind = chance.choice(("write -P 9", "write -P 8", "write -z", "write -z -u", "discard"))
        commands.append(f"{kind} {offset} {length}")
    options = f"cluster_size={chance.choice(('512', '4k', '64k', '1M'))}"
    backing = chance.choice((None, "base.qcow2", "plain.raw"))
    make_image(folder, name, options, backing, commands)


def both(folder, *words):
    return run("qemu-img", *words, cwd=folder), run(SHIM, *words, cwd=folder)


def check_same(what, qemu, ours):
    if qemu != ours:
        raise Difference(f"{what}: QEMU says {qemu}, qemu-shim {ours}")


def check_json(folder, *words):
    qemu, ours = both(folder, *words)
    check_same(" ".join(words), json.loads(qemu), json.loads(ours))


def check_info(folder, name):
    check_json(folder, "info", "-f", format_of(name), "--output=json", name)
    check_json(folder, "info", "-f", format_of(name), "--output=json", "--backing-chain", name)
    check_same("info", *both(folder, "info", "-f", format_of(name), name))


def check_map(folder, name):
    words = ["map", "-f", format_of(name), name]
    check_json(folder, *words, "--output=json")
    check_json(folder, *words, "--output=json", "--start-offset=100k", "--max-length=1M")
    check_same("map", *both(folder, *words))


def check_check(folder, name):
    if format_of(name) == "qcow2":
        check_json(folder, "check", "-f", "qcow2", "--output=json", name)


def check_convert(folder, name):
    for number, words in enumerate((["-O", "raw"], ["-O", "raw", "-S", "0"],
                                    ["-O", "raw", "-S", "64k", "-m", "4"],
                                    ["-O", "qcow2", "-o", "cluster_size=8k"],
                                    ["-O", "qcow2", "-o", "compat=0.10"],
                                    ["-O", "qcow2", "-c"],
                                    ["-O", "qcow2", "-c", "-o", "cluster_size=4k"])):
        target = f"{name}.{number}"
        run(SHIM, "convert", "-f", format_of(name), *words, name, target, cwd=folder)
        run("qemu-img", "compare", "-f", format_of(name), "-F", words[1], name, target, cwd=folder)
        run(SHIM, "compare", "-f", format_of(name), "-F", words[1], name, target, cwd=folder)
        if words[1] == "qcow2":
            run("qemu-img", "check", "-q", target, cwd=folder)
        # Once more into what is there.
        run(SHIM, "convert", "-n", "-f", format_of(name), *words[:2], name, target, cwd=folder)
        run("qemu-img", "compare", "-f", format_of(name), "-F", words[1], name, target, cwd=folder)
        (folder / target).unlink()


def check_convert_overlay(folder):
    run(SHIM, "convert", "-O", "qcow2", "-B", "over.qcow2", "-F", "qcow2", "top.qcow2", "again.qcow2",
        cwd=folder)
    run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", "top.qcow2", "again.qcow2", cwd=folder)
    again = json.loads(run("qemu-img", "map", "--output=json", "again.qcow2", cwd=folder))
    if not any(entry["depth"] > 0 and entry["data"] for entry in again):
        raise Difference("nothing is left to the backing file")


def check_convert_compressed(folder):
    with open(folder / "text.raw", "wb") as text:
        for number in range(200000):
            text.write(b"line %d of many that look alike\n" % number)
    run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "text.raw", "theirs.qcow2", cwd=folder)
    run(SHIM, "convert", "-c", "-f", "raw", "-O", "qcow2", "text.raw", "ours.qcow2", cwd=folder)
    run("qemu-img", "check", "-q", "ours.qcow2", cwd=folder)
    run("qemu-img", "compare", "ours.qcow2", "theirs.qcow2", cwd=folder)
    sizes = [(folder / name).stat().st_size for name in ("ours.qcow2", "theirs.qcow2")]
    if sizes[0] > sizes[1] * 1.2:
        raise Difference(f"it is larger: {sizes}")
    # Written over, packed clusters give their place back.
    run("qemu-io", "-c", "write -P 5 64k 300k", "ours.qcow2", cwd=folder)
    run("qemu-img", "check", "-q", "ours.qcow2", cwd=folder)


def check_convert_several(folder):
    run(SHIM, "convert", "-O", "raw", "plain.raw", "base.qcow2", "both.raw", cwd=folder)
    run("qemu-img", "convert", "-f", "raw", "-O", "raw", "plain.raw", "one.raw", cwd=folder)
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "base.qcow2", "two.raw", cwd=folder)
    wanted = (folder / "one.raw").read_bytes() + (folder / "two.raw").read_bytes()
    if (folder / "both.raw").read_bytes() != wanted:
        raise Difference("two inputs are not one after the other")


def check_json_name(folder):
    name = 'json:{"driver": "raw", "offset": 65536, "size": 65536, ' \
           '"file": {"driver": "file", "filename": "plain.raw"}}'
    check_json(folder, "info", "--output=json", name)
    check_json(folder, "map", "--output=json", name)
    run(SHIM, "convert", "-O", "raw", name, "window.raw", cwd=folder)
    if (folder / "window.raw").read_bytes() != b"\5" * 65536:
        raise Difference("the window shows something else")


def check_block_device(folder):
    """Root only: a disk on a loop device, whole and as a window."""
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "base.qcow2", "disk.raw", cwd=folder)
    device = run("losetup", "-f", "--show", "disk.raw", cwd=folder).strip()
    try:
        check_json(folder, "info", "-f", "raw", "--output=json", device)
        run(SHIM, "compare", "-f", "raw", "-F", "raw", device, "disk.raw", cwd=folder)
        window = json.dumps({"driver": "raw", "offset": 3 * 1024 * 1024, "size": 65536,
                             "file": {"driver": "host_device", "filename": device}})
        run(SHIM, "convert", "-O", "raw", "json:" + window, "part.raw", cwd=folder)
        if (folder / "part.raw").read_bytes() != b"\3" * 65536:
            raise Difference("the window shows something else")
        run(SHIM, "convert", "-n", "-f", "qcow2", "-O", "raw", "zeros.qcow2", device, cwd=folder)
        run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", device, "zeros.qcow2", cwd=folder)
    finally:
        run("losetup", "-d", device, cwd=folder)


def can_use_loop_devices():
    return os.geteuid() == 0 and subprocess.run(
        ["losetup", "-f"], capture_output=True, check=False).returncode == 0


def check_refused_name(folder):
    for option in ("qcow2", "raw"):
        backing = 'json:{"driver": "file", "filename": "plain.raw"}'
        run("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", option,
            f"bad-{option}.qcow2", "1M", cwd=folder)
        done = subprocess.run([SHIM, "map", f"bad-{option}.qcow2"], cwd=folder, check=False,
                              capture_output=True, text=True, timeout=TIMEOUT)
        if done.returncode == 0 or "only plain paths are followed" not in done.stderr:
            raise Difference(f"a json: name inside an image is followed: {done.stderr}")


def check_compare(folder):
    """Sizes that differ, with zeros or data behind the end, and contents that do."""
    for name, size, at in (("short.raw", 1 << 20, None), ("long.raw", 2 << 20, None),
                           ("tail.raw", 2 << 20, 1500001), ("other.raw", 1 << 20, 700001)):
        content = bytearray(size)
        if at is not None:
            content[at] = 1
        (folder / name).write_bytes(content)
    for words in (["long.raw"], ["tail.raw"], ["other.raw"], ["-s", "long.raw"], ["-q", "tail.raw"],
                  ["-s", "short.raw"]):
        said = []
        for tool in ("qemu-img", SHIM):
            done = subprocess.run([tool, "compare", "-f", "raw", "-F", "raw", "short.raw", *words],
                                  cwd=folder, capture_output=True, text=True, check=False,
                                  timeout=TIMEOUT)
            said.append((done.returncode, done.stdout))
        check_same(f"compare {words}", *said)


def check_bench(folder):
    words = ["bench", "-f", "raw", "-c", "50", "-d", "4", "-w", "--pattern=66", "-s", "8k",
             "--flush-interval=10", "bench.raw"]
    for tool, name in (("qemu-img", "first"), (SHIM, "second")):
        shutil.copy(folder / "plain.raw", folder / "bench.raw")
        said = run(tool, *words, cwd=folder).split("Run completed")[0]
        (folder / name).write_text(said + (folder / "bench.raw").read_bytes().hex(),
                                   encoding="ascii")
    if (folder / "first").read_text() != (folder / "second").read_text():
        raise Difference("the same bench says or writes something else")


def main():
    if any(shutil.which(name) is None for name in ("qemu-img", "qemu-io")):
        print("1..0 # SKIP there is no qemu-img to compare with")
        return
    with tempfile.TemporaryDirectory(prefix="tools-") as root:
        folder = pathlib.Path(root)
        for image in IMAGES:
            make_image(folder, *image)
        names = [image[0] for image in IMAGES]
        for seed in range(10):
            names.append(f"random-{seed}.qcow2")
            make_random_image(folder, names[-1], seed)
        tests = [(f"{check.__name__[6:]} of {name}", lambda check=check, name=name: check(folder, name))
                 for name in names for check in (check_info, check_map, check_check, check_convert)]
        tests += [(check.__name__[6:].replace("_", " "), lambda check=check: check(folder))
                  for check in (check_convert_overlay, check_convert_compressed, check_convert_several, check_json_name,
                                check_refused_name, check_compare, check_bench)]
        if can_use_loop_devices():
            tests.append(("block device", lambda: check_block_device(folder)))
        print(f"1..{len(tests)}", flush=True)
        for number, (title, test) in enumerate(tests, 1):
            try:
                test()
                print(f"ok {number} - {title}")
            except (Difference, ValueError, OSError, subprocess.SubprocessError) as error:
                print(f"not ok {number} - {title}\n# {str(error)[:2000]}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
