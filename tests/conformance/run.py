#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""conformance: plays each script to QEMU and to qemu-shim and compares what they said, as TAP.

usage: run.py SHIM PLAY ...
"""

import difflib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import play as plays
import transcript
from peer import Peer, PeerError

NEEDED = ("qemu-storage-daemon", "qemu-system-x86_64", "qemu-img", "qemu-io")
MACHINE = ["-machine", "none", "-display", "none", "-nodefaults", "-S"]


def run(*words, cwd):
    return subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True).stdout


def format_of(name):
    return "raw" if name.endswith(".raw") else "qcow2"


def make_images_ourselves(play, shim, folder):
    """Without QEMU's tools: data can only be written to raw images."""
    for word, name, *rest in play.images:
        if word == "write":
            pattern, offset, length = (int(number, 0) for number in rest)
            with open(folder / name, "r+b") as image:
                image.seek(offset)
                image.write(bytes([pattern]) * length)
        else:
            backing = ["-b", rest[2], "-F", format_of(rest[2])] if rest[1:2] == ["on"] else []
            run(shim, "create", "-f", format_of(name), *backing, name, rest[0], cwd=folder)


def make_images(play, folder):
    for word, name, *rest in play.images:
        if word == "write":
            pattern, offset, length = rest
            run("qemu-io", "-f", format_of(name), "-c", f"write -P {pattern} {offset} {length}",
                name, cwd=folder)
        else:
            backing = ["-b", rest[2], "-F", format_of(rest[2])] if rest[1:2] == ["on"] else []
            run("qemu-img", "create", "-q", "-f", format_of(name), *backing, name, rest[0],
                cwd=folder)


def command_of(play, shim):
    """The words that start the peer; @shim: its path, or None for QEMU."""
    if play.is_system:
        program = [shim or "qemu-system-x86_64"] + MACHINE
        return program + ["-qmp", "unix:qmp.sock,server=on,wait=off"] + play.args
    if shim:
        return [shim, "-qmp", "unix:qmp.sock,server=on,wait=off"] + play.args
    return ["qemu-storage-daemon", "--chardev", "socket,id=q,path=qmp.sock,server=on,wait=off",
            "--monitor", "chardev=q"] + play.args


def parse_conditions(words):
    return [tuple(word.split("=", 1)) for word in words]


def wait_until(peer, rest):
    condition, _, command = rest.partition(" ")
    key, wanted = condition.split("=", 1)
    while True:
        mark = len(peer.said)
        answer = peer.command(command).get("return") or [{}]
        if str(answer[0].get(key)) == wanted:
            return
        # Only the last answer is part of the transcript.
        peer.said[mark:] = [message for message in peer.said[mark:] if "event" in message]


def check_reply(play, peer, rest):
    replies = [message for message in peer.said if "event" not in message]
    said, wanted = transcript.text_of(replies[-1], play), transcript.text_of(json.loads(rest), play)
    if said != wanted:
        raise PeerError(f"it said {said}, not {wanted}")


def perform(play, peer):
    since = 0
    peer.greet()
    for word, rest in play.steps:
        if word == "qmp":
            peer.command(rest)
        elif word == "hmp":
            peer.command(json.dumps({"execute": "human-monitor-command",
                                     "arguments": {"command-line": rest}}))
        elif word == "until":
            wait_until(peer, rest)
        elif word == "expect":
            check_reply(play, peer, rest)
        elif word == "quit":
            peer.end()
        else:
            name, *conditions = rest.split()
            since = peer.wait_event(name, parse_conditions(conditions), since)


def describe_kept(name, folder, pristine):
    """What the header says of the backing file, and whether the image still reads as it did."""
    info = json.loads(run("qemu-img", "info", "--output=json", name, cwd=folder))
    before = str(pristine / name)
    formats = ["-f", format_of(name), "-F", format_of(name)]
    is_same = subprocess.run(["qemu-img", "compare", "-q", *formats, name, before], cwd=folder,
                             capture_output=True, check=False).returncode == 0
    is_clean = subprocess.run(["qemu-img", "check", "-q", name], cwd=folder, capture_output=True,
                              check=False).returncode == 0
    return [f"{name}: backing {info.get('backing-filename')} {info.get('backing-filename-format')}",
            f"{name}: {'reads as before' if is_same else 'READS WRONG'}"
            f", {'checks clean' if is_clean else 'CHECKS BAD'}"]


def act(play, shim, folder):
    """The lines of what the peer said and did to the images."""
    folder.mkdir()
    make_images(play, folder)
    pristine = folder.with_name(folder.name + "-before")
    shutil.copytree(folder, pristine)
    peer = Peer(command_of(play, shim), folder)
    try:
        perform(play, peer)
        mark = len(peer.said)
        status = peer.end()
        said = peer.said[:mark]
    finally:
        peer.close()
    lines = transcript.lines_of(said, play) + [f"exit status {status}"]
    for name in play.kept:
        kept = describe_kept(name, folder, pristine)
        if name in play.differences and shim is None:
            kept[1] = f"{name}: reads as before, checks clean"
        lines += kept
    return lines


def act_alone(play, shim, folder):
    folder.mkdir()
    make_images_ourselves(play, shim, folder)
    peer = Peer(command_of(play, shim), folder)
    try:
        perform(play, peer)
        status = peer.end()
    finally:
        peer.close()
    return [] if status == 0 else [f"exit status {status}"]


def compare(path, shim):
    """Returns the title and the lines that differ."""
    play = plays.read(path)
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        root = pathlib.Path(name)
        if play.is_ours:
            return play.title, act_alone(play, shim, root / "shim")
        qemu = act(play, None, root / "qemu")
        ours = act(play, shim, root / "shim")
    return play.title, list(difflib.unified_diff(qemu, ours, "QEMU", "qemu-shim", n=2, lineterm=""))


def main():
    shim, *paths = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:])
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing and not all(plays.read(path).is_ours for path in paths):
        print(f"1..0 # SKIP there is no {missing[0]} to compare with")
        return
    print(f"1..{len(paths)}", flush=True)
    for number, path in enumerate(paths, 1):
        try:
            title, difference = compare(path, shim)
        except (PeerError, plays.PlayError, OSError, ValueError, subprocess.SubprocessError) as error:
            title, difference = pathlib.Path(path).name, [str(error)]
        print(f"{'not ok' if difference else 'ok'} {number} - {title}")
        for line in difference:
            print(f"# {line}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
