#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""house: the rules of the house that a machine can check, as TAP.

usage: tests/lint/house.py TREE

Which folder may include which, which third-party headers stand where, and how files begin. The rules
are those of ARCHITECTURE.md and CONTRIBUTING.md.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1]).resolve()

# Folder -> folders whose headers it may include. api/vblk-error.h is open to all.
ARROWS = {
    "api": set(),
    "qmp": set(),
    "xml": set(),
    "driver": {"qmp", "xml"},
    "daemon": {"driver"},
    "tools": {"api"},
    "qemu-shim/io": set(),
    "qemu-shim/block": {"qemu-shim/io"},
    "qemu-shim/job": {"qemu-shim/block", "qemu-shim/io", "qmp"},
    "qemu-shim/monitor": {"qemu-shim/job", "qemu-shim/block", "qemu-shim/io", "qmp"},
    "qemu-shim": {"qemu-shim/monitor", "qemu-shim/job", "qemu-shim/block", "qemu-shim/io", "qmp"},
}

# Third-party header -> where it may be included.
HOMES = {
    r"json-glib/": {"qmp", "tools/json.c"},
    r"libxml/": {"xml"},
    r"sqlite3\.h": {"daemon/journal.c", "daemon/journal-schema.c", "daemon/store.c"},
    r"zlib\.h|zstd\.h|libdeflate\.h": {"qemu-shim/block"},
    r"libnbd\.h": {"qemu-shim/block/nbd-driver.c"},
    r"liburing\.h": {"qemu-shim/io"},
}

MAX_LINES = {".c": 800, ".h": 320}


def room(path):
    parts = path.split("/")
    if parts[0] == "qemu-shim" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def sources():
    for folder in ("api", "qmp", "xml", "driver", "qemu-shim", "daemon", "tools"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def includes(text):
    return re.findall(r'^#\s*include\s+([<"])([^>"]+)[>"]', text, re.M)


def check_arrows():
    for path, text in sources():
        for kind, header in includes(text):
            if kind != '"' or header == "api/vblk-error.h" or not (ROOT / header).exists():
                continue
            if room(header) != room(path) and room(header) not in ARROWS[room(path)]:
                yield f"{path} includes {header}"


def check_includes_from_the_root():
    for path, text in sources():
        for kind, header in includes(text):
            if kind == '"' and not (ROOT / header).exists() and header != "virtblock-dbus.h":
                yield f"{path} includes {header}, which is not in the tree"


def check_circles():
    """Headers alone: a source may know any of them, and nobody includes a source."""
    graph = {
        path: {h for kind, h in includes(text) if kind == '"' and (ROOT / h).exists()}
        for path, text in sources()
        if path.endswith(".h")
    }
    done, active = set(), []

    def visit(unit):
        if unit in active:
            yield " -> ".join(active[active.index(unit):] + [unit])
            return
        if unit in done:
            return
        active.append(unit)
        for other in sorted(graph.get(unit, ())):
            yield from visit(other)
        active.pop()
        done.add(unit)

    for unit in sorted(graph):
        yield from visit(unit)


def check_homes():
    for path, text in sources():
        for _, header in includes(text):
            for pattern, homes in HOMES.items():
                if re.match(pattern, header) and not any(
                    path == home or path.startswith(home + "/") for home in homes
                ):
                    yield f"{path} includes <{header}>"


def check_first_lines():
    for path, text in sources():
        lines = text.split("\n")
        wanted = ["/* SPDX-License-Identifier: LGPL-2.1-or-later */"]
        if path.endswith(".h"):
            wanted.append("#pragma once")
        if lines[: len(wanted)] != wanted:
            yield f"{path} does not begin with {' and '.join(wanted)}"
            continue
        title = next((line for line in lines[len(wanted):] if line), "")
        match = re.fullmatch(r"/\* (.+) \*/", title)
        if not match or len(match.group(1).split()) > 3:
            yield f"{path} does not name its module in at most three words: {title}"


def check_lengths():
    for path, text in sources():
        limit = MAX_LINES[path[-2:]]
        if text.count("\n") > limit:
            yield f"{path} has {text.count(chr(10))} lines, more than {limit}"


def check_goto():
    for path, text in sources():
        for number, line in enumerate(text.split("\n"), 1):
            if re.match(r"\s*goto\b", line):
                yield f"{path}:{number}"


def check_own_header_first():
    for path, text in sources():
        if path.endswith(".c") and (ROOT / (path[:-1] + "h")).exists():
            found = includes(text)
            if not found or found[0][1] != path[:-1] + "h":
                yield f"{path} does not include its own header first"


def check_readmes():
    for name in list(ARROWS):
        readme = ROOT / name / "README.md"
        if not readme.exists():
            yield f"{name} has no README.md"
        elif len(readme.read_text(encoding="utf-8").split("\n")) > 21:
            yield f"{name}/README.md has more than 20 lines"


def check_potfiles():
    potfiles = ROOT / "po" / "POTFILES"
    listed = set(potfiles.read_text(encoding="utf-8").split()) if potfiles.exists() else set()
    marked = {path for path, text in sources() if re.search(r"\bN?_\(\"", text)}
    for path in sorted(marked - listed):
        yield f"{path} has strings to translate and is not in po/POTFILES"
    for path in sorted(listed - marked):
        yield f"{path} is in po/POTFILES and has no strings to translate"


CHECKS = [
    ("folders include only what the arrows allow", check_arrows),
    ("headers are named from the root", check_includes_from_the_root),
    ("headers do not include each other in a circle", check_circles),
    ("third-party headers stand in their rooms", check_homes),
    ("files begin with licence and name", check_first_lines),
    ("files keep to their length", check_lengths),
    ("nobody uses goto", check_goto),
    ("sources include their own header first", check_own_header_first),
    ("each room has a short README", check_readmes),
    ("POTFILES lists the files with strings", check_potfiles),
]


def main():
    print(f"1..{len(CHECKS)}")
    for number, (name, check) in enumerate(CHECKS, 1):
        faults = list(check())
        print(f"{'not ok' if faults else 'ok'} {number} - {name}")
        for fault in faults:
            print(f"# {fault}")


if __name__ == "__main__":
    main()
