# SPDX-License-Identifier: LGPL-2.1-or-later
"""No space: for the daemon's own files, and for an image that takes data in."""

import os
import subprocess

import pytest

from conftest import DEADLINE, wait_for


def mount(path, size):
    if os.geteuid() != 0:
        pytest.skip("to mount a small file system needs root")
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path], check=True)


def fill(path):
    """Not a byte is free afterwards; returns the file to remove."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file:
        for length in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * length)
            except OSError:
                pass
    return filler


@pytest.fixture
def small_state(world):
    """The daemon's state is on a file system of its own."""
    world.daemon.terminate()
    world.daemon.wait(DEADLINE)
    mount(world.folder / "state", "1m")
    try:
        world.start()
        yield world
    finally:
        world.daemon.terminate()
        world.daemon.wait(DEADLINE)
        subprocess.run(["umount", world.folder / "state"], check=True)
    world.start()


def test_a_full_state_folder_refuses_and_changes_nothing(small_state):
    world = small_state
    top = world.make_chain(depth=3)
    world.define(top)
    world.vblk("dumpxml", "web1")
    filler = fill(world.folder / "state")

    message = world.fails("define-image", "web2", world.path("sn1.qcow2"))
    assert "No space left" in message or "full" in message
    assert "web2" not in world.vblk("list", "--all").stdout
    message = world.fails("snapshot-create-as", "web1", "s1", "--disk-only")
    assert "No space left" in message or "full" in message
    assert world.chain() == ["sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    assert not world.path("sn2.s1").exists()
    message = world.fails("blockpull", "web1", "vda")
    assert "No space left" in message or "full" in message
    assert world.jobs() == []
    assert world.chain() == ["sn2.qcow2", "sn1.qcow2", "base.qcow2"]

    filler.unlink()
    world.vblk("snapshot-create-as", "web1", "s1", "--disk-only")
    world.vblk("blockpull", "web1", "vda", "--wait")
    assert world.chain() == ["sn2.s1"]


def test_an_outcome_that_finds_no_space_is_stored_when_there_is_some(small_state):
    world = small_state
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", "vda[4]", "--bandwidth", "20")
    filler = fill(world.folder / "state")
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0", check=False)
    wait_for(lambda: "cannot be stored yet" in world.log(), "the outcome to be refused")
    filler.unlink()
    wait_for(lambda: not world.jobs(), "the end")
    assert world.jobs("--all")[0]["state"] == "completed"
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    world.check_data(top)


def test_an_image_without_room_fails_the_job_with_the_reason_and_loses_nothing(world):
    mount(world.path(""), "300m")
    try:
        top = world.make_chain(depth=3)
        saved = world.folder / "saved" / top.name
        world.define(top)
        filler = fill(world.path(""))
        done = world.vblk("blockpull", "web1", "vda", "--wait", check=False)
        assert done.returncode == 1 and "No space left on device" in done.stderr
        assert world.chain() == ["sn2.qcow2", "sn1.qcow2", "base.qcow2"]
        world.shim("compare", top, saved)
        filler.unlink()
        world.vblk("blockpull", "web1", "vda", "--wait")
        assert world.chain() == ["sn2.qcow2"]
        world.check_data(top)
    finally:
        world.daemon.terminate()
        world.daemon.wait(DEADLINE)
        subprocess.run(["umount", world.path("")], check=True)
        world.start()
