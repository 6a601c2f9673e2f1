# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library as others use it: installed, found by pkg-config."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import BUILD

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_example_builds_against_the_installed_library_and_pulls(world):
    if not shutil.which("cc"):
        pytest.skip("cc is not installed")
    place = world.folder / "installed"
    subprocess.run(
        ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", place],
        check=True, capture_output=True,
    )
    pc = next(place.rglob("virtblock-1.0.pc"))
    libdir = next(place.rglob("libvirtblock.so")).parent
    pc.write_text(re.sub(r"^prefix=", f"prefix={place}", pc.read_text(encoding="utf-8"), flags=re.M))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "virtblock-1.0"],
        env=dict(world.env, PKG_CONFIG_PATH=str(pc.parent)), check=True, capture_output=True, text=True,
    ).stdout.split()
    program = world.folder / "example"
    sanitizers = os.environ.get("VIRTBLOCK_SANITIZE", "")
    extra = [f"-fsanitize={sanitizers}"] if sanitizers not in ("", "none") else []
    subprocess.run(
        ["cc", ROOT / "docs/example.c", "-o", program, *extra, *flags, f"-Wl,-rpath,{libdir}"],
        check=True,
    )
    top = world.make_chain(depth=2)
    world.define(top)
    done = subprocess.run(
        [program, "web1", "vda"], env=world.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("completed\n")
    assert world.chain() == ["sn1.qcow2"]


def test_the_library_exports_what_the_headers_declare_and_nothing_else():
    listed = set(re.findall(r"^ +(vblk_\w+);", (ROOT / "api/libvirtblock.sym").read_text(), re.M))
    headers = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "api").glob("v*.h")
        if not re.search(r"-(private|link|dial|address|properties)\.h$", path.name)
        and path.name not in ("vblk-link.h", "vblk-dial.h", "vblk-address.h", "vblk-properties.h")
    )
    code = re.sub(r"/\*.*?\*/", "", headers, flags=re.S)
    declared = set(re.findall(r"\b(vblk_\w+)\(", code))
    library = BUILD / "api" / "libvirtblock.so"
    exported = set(
        re.findall(r" T (vblk_\w+)", subprocess.run(
            ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
        ).stdout)
    )
    assert exported == {name.split("@")[0] for name in listed}
    assert declared - {"vblk_error_quark"} <= listed
