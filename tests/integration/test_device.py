# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images on block devices, as LVM users have them: a loop device plays the volume."""

import os
import subprocess

import pytest

from conftest import DEADLINE


def attach(path, size):
    if os.geteuid() != 0:
        pytest.skip("a loop device needs root")
    with open(path, "wb") as file:
        file.truncate(size)
    done = subprocess.run(
        ["losetup", "--find", "--show", path], capture_output=True, text=True, check=True,
        timeout=DEADLINE,
    )
    return done.stdout.strip()


@pytest.fixture
def volume(world):
    """A device that holds an overlay of sn1.qcow2, with old bytes behind it."""
    base = world.make_chain(depth=2)
    image = world.path("overlay.qcow2")
    world.shim("create", "-f", "qcow2", "-b", base, "-F", "qcow2", image)
    world.write(image, "write -P 9 5M 1M")
    device = attach(world.folder / "volume", 200 << 20)
    try:
        with open(device, "r+b", buffering=0) as file:
            file.write(b"old" * 40_000_000)
            file.seek(0)
            file.write(image.read_bytes())
        yield device, image
    finally:
        world.daemon.terminate()
        world.daemon.wait(DEADLINE)
        subprocess.run(["losetup", "--detach", device], check=True)
        world.start()


def test_a_volume_takes_its_chain_in(world, volume):
    device, image = volume
    saved = world.folder / "saved-overlay.qcow2"
    saved.write_bytes(image.read_bytes())
    world.vblk("define-image", "web1", device, "--format", "qcow2")
    world.vblk("blockpull", "web1", "vda", "--wait")
    assert len(world.chain()) == 1
    world.shim("check", "-f", "qcow2", device)
    world.shim("compare", "-f", "qcow2", "-F", "qcow2", device, image)


def test_a_volume_that_is_too_small_loses_nothing(world, volume):
    device, image = volume
    world.vblk("define-image", "web1", device, "--format", "qcow2")
    with open(world.folder / "volume", "r+b") as file:
        file.truncate(10 << 20)
    subprocess.run(["losetup", "--set-capacity", device], check=True)
    done = world.vblk("blockpull", "web1", "vda", "--wait", check=False)
    assert done.returncode == 1 and "No space left" in done.stderr
    assert len(world.chain()) == 3
    world.shim("compare", "-f", "qcow2", "-F", "qcow2", device, image)
