# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets one line that names the thing, exit status 1, and changes nothing."""

import os
import shutil
import socket
import subprocess

import pytest

from conftest import BUILD, DEADLINE, wait_for


@pytest.fixture
def domain(world):
    world.top = world.make_chain(depth=3)
    world.define(world.top)
    return world


def test_malformed_xml_names_the_line(world):
    xml = world.folder / "bad.xml"
    xml.write_text("<domain>\n<name>x</title>\n</domain>", encoding="utf-8")
    assert "line 2" in world.fails("define", xml)
    assert world.vblk("-q", "list", "--all", "--name").stdout == ""


def test_a_document_type_is_refused(world):
    xml = world.folder / "bad.xml"
    xml.write_text("<!DOCTYPE d [<!ENTITY e 'x'>]><domain><name>x</name></domain>", encoding="utf-8")
    assert "document type" in world.fails("define", xml)


def test_an_unknown_domain_is_named(world):
    assert "'nope'" in world.fails("dominfo", "nope")


def test_an_unknown_disk_is_named(domain):
    assert "'vdz'" in domain.fails("blockpull", "web1", "vdz")


def test_a_base_that_is_not_in_the_chain_is_named(domain):
    assert "'/no/such.qcow2'" in domain.fails("blockpull", "web1", "vda", "--base", "/no/such.qcow2")
    assert "index '77'" in domain.fails("blockpull", "web1", "vda", "--base", "vda[77]")


def test_a_missing_image_is_named(domain):
    domain.top.rename(domain.path("away"))
    assert "sn2.qcow2" in domain.fails("blockpull", "web1", "vda")


def test_a_missing_backing_file_is_named(domain):
    domain.path("base.qcow2").unlink()
    assert "base.qcow2" in domain.fails("chain", "web1", "vda")


def test_an_unreadable_image_is_named(domain):
    if os.geteuid() == 0:
        domain.path("base.qcow2").unlink()
        domain.path("base.qcow2").mkdir()
        assert "base.qcow2" in domain.fails("chain", "web1", "vda")
    else:
        domain.path("base.qcow2").chmod(0)
        assert "Permission denied" in domain.fails("chain", "web1", "vda")


def test_a_loop_in_the_chain_is_refused(world):
    images = world.folder / "images"
    images.mkdir()
    world.shim("create", "-f", "qcow2", images / "a.qcow2", "1M")
    world.shim("create", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", images / "b.qcow2")
    (images / "a.qcow2").unlink()
    world.shim("create", "-f", "qcow2", "-b", "b.qcow2", "-F", "qcow2", images / "a.qcow2", "1M")
    world.vblk("define-image", "loop", images / "a.qcow2")
    assert "loop" in world.fails("chain", "loop", "vda")


def test_an_image_in_use_by_another_process_is_refused(domain):
    if not shutil.which("qemu-io"):
        pytest.skip("qemu-io is not installed")
    with subprocess.Popen(
        ["qemu-io", "-f", "qcow2", domain.top], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdin.write(b"read 0 512\n")
        holder.stdin.flush()
        holder.stdout.readline()
        error = domain.fails("blockpull", "web1", "vda")
        holder.stdin.close()
    assert "lock" in error and "sn2.qcow2" in error


def test_a_second_job_on_a_busy_disk_is_refused(domain):
    domain.vblk("blockpull", "web1", "vda", "--bandwidth", "1")
    assert "already in active block job" in domain.fails("blockpull", "web1", "vda")
    assert "active block job" in domain.fails("undefine", "web1")
    domain.vblk("blockjob", "web1", "vda", "--abort")


def test_an_image_without_a_recorded_backing_format_is_refused(world):
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not installed")
    images = world.folder / "images"
    images.mkdir()
    raw = images / "base.raw"
    raw.write_bytes(b"\0" * (1 << 20))
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", images / "t.qcow2"],
        check=True,
    )
    data = bytearray((images / "t.qcow2").read_bytes())
    at = data.find(bytes.fromhex("e2792aca"))
    data[at : at + 4] = bytes.fromhex("12345678")
    (images / "t.qcow2").write_bytes(data)
    world.vblk("define-image", "noformat", images / "t.qcow2")
    assert "never guessed" in world.fails("chain", "noformat", "vda")


def test_no_space_is_told_and_the_image_stays_as_it_was(domain):
    """A file system that is full: a small tmpfs."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    small = domain.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        image = small / "t.qcow2"
        domain.shim("create", "-f", "qcow2", "-b", domain.top, "-F", "qcow2", image)
        domain.vblk("define-image", "full", image)
        assert "No space left" in domain.fails("-q", "blockpull", "full", "vda", "--wait")
        assert domain.chain("full")[1] == "sn2.qcow2"
        domain.shim("compare", image, domain.folder / "saved" / "sn2.qcow2")
    finally:
        domain.vblk("undefine", "full")
        subprocess.run(["umount", "-l", small], check=True)


def test_a_daemon_that_is_not_there_is_told(world):
    done = subprocess.run(
        [BUILD / "tools/vblk", "-c", "virtblock+unix:///nowhere/sock", "list"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1 and "/nowhere/sock" in done.stderr


def test_rubbish_on_the_socket_ends_that_client_alone(world):
    for rubbish in (b"\0" * 70000, b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n" + b"\xff" * 5000, b"GET / HTTP/1.0\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(world.socket))
            try:
                client.sendall(rubbish)
            except OSError:
                pass
    assert world.vblk("list").returncode == 0


def test_words_that_make_no_sense_are_named(domain):
    assert "<path>" in domain.fails("blockpull", "web1")
    assert "--frob" in domain.fails("list", "--frob")
    assert "frob" in domain.vblk("frob", check=False).stderr
    assert "'x'" in domain.fails("blockpull", "web1", "vda", "--bandwidth", "x")
    assert "bandwidth must be less than" in domain.fails(
        "blockpull", "web1", "vda", "--bandwidth", "9223372036854775807"
    )


def test_a_pull_that_would_empty_internal_snapshots_is_refused(world):
    if shutil.which("qemu-img") is None:
        pytest.skip("qemu-img is not installed")
    top = world.make_chain(depth=2)
    subprocess.run(["qemu-img", "snapshot", "-c", "kept", top], check=True)
    world.define(top)
    before = top.read_bytes()
    message = world.fails("blockpull", "web1", "vda")
    assert str(top) in message and "internal snapshots" in message
    assert top.read_bytes() == before
    assert world.chain() == ["sn1.qcow2", "base.qcow2"]


def test_a_monitor_turns_away_clients_that_are_too_many(world):
    path = world.folder / "m.sock"
    shim = subprocess.Popen(
        [BUILD / "qemu-shim/qemu-shim", "-nodefaults", "-qmp", f"unix:{path},server=on,wait=off"],
        stderr=subprocess.PIPE,
    )
    wait_for(path.exists, "the socket")
    clients = []
    try:
        for _ in range(70):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))  # waits for its place in the queue
            client.settimeout(DEADLINE)
            clients.append(client)
        greeted = [client.recv(4096).startswith(b'{"QMP"') for client in clients]
        assert greeted == [True] * 64 + [False] * 6
        clients.pop(0).close()
        wait_for(lambda: connects(path), "a place to be free")
    finally:
        for client in clients:
            client.close()
        shim.terminate()
        shim.communicate(timeout=DEADLINE)


def connects(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.settimeout(DEADLINE)
        return client.recv(4096) != b""
