# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays: one exchange, read from a file.

A play is lines of these words; the first line, a comment, is its title.

    system                        to qemu-system-x86_64, which has devices and HMP; otherwise to
                                  qemu-storage-daemon
    ours                          to qemu-shim alone, without QEMU; replies are told by `expect`
    expect {...}                  what the reply before must be
    image NAME SIZE [on BACKING]  makes a qcow2 image, raw where the name ends in .raw
    write NAME PATTERN OFFSET LENGTH
    args WORD ...                 more words for the command line
    {"execute": ...}              sends a command and waits for its reply
    hmp LINE                      the same as a human monitor command
    event NAME [KEY=VALUE]        waits for an event
    until KEY=VALUE {...}         repeats a command until the first element of its answer is so
    forget MEMBER ...             members whose value is a matter of timing
    interleaved                   replies and events are compared in one order
    differs NUMBER REASON         the reply of that number is not QEMU's, for a reason
    differs NAME REASON           QEMU spoils that image; we must not
    quit                          asks the peer to quit; what it still says is compared as well
    same NAME                     at the end, after quit: reads as it did before the play, checks
                                  clean, and what it says of its backing file is compared
"""

import dataclasses
import pathlib
import shlex


@dataclasses.dataclass
class Play:
    title: str
    is_system: bool = False
    is_ours: bool = False
    is_interleaved: bool = False
    images: list = dataclasses.field(default_factory=list)  # of word lists
    args: list = dataclasses.field(default_factory=list)
    steps: list = dataclasses.field(default_factory=list)  # of (word, rest)
    forgotten: set = dataclasses.field(default_factory=set)
    differences: dict = dataclasses.field(default_factory=dict)  # number or image -> reason
    kept: list = dataclasses.field(default_factory=list)  # images that must read as before


class PlayError(Exception):
    pass


def take_line(play, line):
    word, _, rest = line.partition(" ")
    if line.startswith("{"):
        play.steps.append(("qmp", line))
    elif line == "quit":
        play.steps.append(("quit", ""))
    elif word in ("hmp", "event", "until", "expect"):
        play.steps.append((word, rest))
    elif word in ("image", "write"):
        play.images.append([word] + rest.split())
    elif word == "args":
        play.args += shlex.split(rest)
    elif word == "forget":
        play.forgotten.update(rest.split())
    elif word == "same":
        play.kept.append(rest)
    elif word == "differs":
        what, _, reason = rest.partition(" ")
        play.differences[int(what) if what.isdigit() else what] = reason
    elif line == "system":
        play.is_system = True
    elif line == "ours":
        play.is_system = play.is_ours = True
    elif line == "interleaved":
        play.is_interleaved = True
    else:
        raise PlayError(f"cannot understand '{line}'")


def read(path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    play = Play(title=lines[0].lstrip("# "))
    for line in lines[1:]:
        if line and not line.startswith("#"):
            take_line(play, line)
    return play
