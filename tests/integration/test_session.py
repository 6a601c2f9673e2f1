# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session's daemon: started by the first vblk, and gone when nobody needs it."""

import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

from conftest import BUILD, DEADLINE, wait_for


def daemons(world):
    """Process ids of the daemons whose session is this world's."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                environ = file.read().split(b"\0")
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        is_ours = f"XDG_RUNTIME_DIR={world.env['XDG_RUNTIME_DIR']}".encode() in environ
        if is_ours and words[0].endswith(b"virtblockd"):
            found.append(int(name))
    return found


@pytest.fixture
def session(world):
    """The world without its daemon: vblk's default URI is a session in the same folder."""
    world.daemon.terminate()
    world.daemon.wait(DEADLINE)
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="vb-") as runtime:
        world.env["XDG_RUNTIME_DIR"] = runtime
        world.env["VIRTBLOCK_URI"] = "virtblock:///session"
        yield world
        for pid in daemons(world):
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not daemons(world), "the session's daemon to go")


def start(world, timeout):
    """A daemon of the session that goes after so many seconds."""
    with open(world.folder / "daemon.log", "ab") as log:
        process = subprocess.Popen(
            [BUILD / "daemon/virtblockd", "--session", "--timeout", str(timeout)],
            env=world.env, stdout=log, stderr=log,
        )
    socket = pathlib.Path(world.env["XDG_RUNTIME_DIR"]) / "virtblock" / "virtblock-sock"
    wait_for(socket.exists, "the session's socket")
    wait_for(lambda: world.vblk("list", check=False).returncode == 0, "virtblockd")
    return process


def test_the_first_command_starts_a_daemon_and_the_next_ones_use_it(session):
    top = session.make_chain(depth=2)
    session.vblk("define-image", "web1", top)
    first = daemons(session)
    assert len(first) == 1
    assert "web1" in session.vblk("list", "--all").stdout
    assert daemons(session) == first


def test_commands_that_start_at_once_share_one_daemon(session):
    running = [
        subprocess.Popen(
            [BUILD / "tools/vblk", "list", "--all"],
            env=session.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]
    for process in running:
        assert process.wait(DEADLINE) == 0, process.stderr.read()
        process.stderr.close()
    wait_for(lambda: len(daemons(session)) == 1, "those that came too late to go")


def test_the_sockets_folder_is_nobody_elses(session):
    session.vblk("list")
    folder = pathlib.Path(session.env["XDG_RUNTIME_DIR"]) / "virtblock"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_daemon_that_nobody_needs_goes_and_what_it_knew_stays(session):
    process = start(session, 1)
    session.vblk("define-image", "web1", session.make_chain(depth=2))
    assert process.wait(DEADLINE) == 0
    assert "web1" in session.vblk("list", "--all").stdout


def test_a_daemon_stays_while_a_client_listens(session):
    process = start(session, 1)
    listener = subprocess.Popen(
        [BUILD / "tools/vblk", "event", "--all", "--loop", "--timeout", "4"],
        env=session.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    said, _ = listener.communicate(timeout=DEADLINE)
    assert "event loop timed out" in said
    assert process.poll() is None
    assert process.wait(DEADLINE) == 0


def test_a_daemon_stays_while_a_job_runs(session):
    process = start(session, 1)
    session.vblk("define-image", "web1", session.make_chain(depth=2))
    session.vblk("blockpull", "web1", "vda", "--bandwidth", "6")
    # Some five seconds of work, of which nobody is told.
    assert process.wait(DEADLINE) == 0
    assert session.jobs("--all")[0]["state"] == "completed"
    assert session.chain() == ["sn1.qcow2"]
