# SPDX-License-Identifier: LGPL-2.1-or-later
"""It survives: the daemon or the shim is killed in the middle of a pull."""

import json
import os
import signal
import threading

from conftest import wait_for


def start_slow_pull(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", world.path("base.qcow2"), "--bandwidth", "4")
    wait_for(lambda: world.jobs()[0]["current"] > 0, "progress")
    return top


def test_the_job_runs_on_when_the_daemon_is_killed_and_the_next_one_takes_it_up(world):
    top = start_slow_pull(world)
    world.kill()
    assert len(world.shims()) == 1
    world.start()
    job = world.jobs()[0]
    assert job["state"] == "running" and job["domain"] == "web1"
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    wait_for(lambda: not world.jobs(), "the end")
    assert [job["state"] for job in world.jobs("--all")] == ["completed"]
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    world.check_data(top)
    assert [event["status"] for event in world.events() if event["event"] == "block-job-2"] == [0]
    wait_for(lambda: not world.shims(), "the shim to go")


def test_a_job_that_ends_while_no_daemon_is_there_is_finished_by_the_next(world):
    top = start_slow_pull(world)
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    world.kill()
    world.start()
    wait_for(lambda: not world.jobs(), "the end")
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    world.check_data(top)


def test_a_relative_name_is_kept_across_a_kill(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", "vda[3]", "--keep-relative", "--bandwidth", "4")
    wait_for(lambda: world.jobs()[0]["current"] > 0, "progress")
    world.kill()
    world.start()
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    wait_for(lambda: not world.jobs(), "the end")
    layers = json.loads(world.vblk("chain", "web1", "vda", "--json").stdout)["disks"][0]["layers"]
    assert [layer.get("backing-name") for layer in layers] == ["sn1.qcow2", "base.qcow2", None]
    world.check_data(top)


def test_a_killed_shim_fails_the_job_with_the_reason_and_loses_nothing(world):
    top = start_slow_pull(world)
    for pid in world.shims():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not world.jobs(), "the end")
    job = world.jobs("--all")[0]
    assert job["state"] == "failed" and "qemu-shim" in job["error"] and "again" in job["error"]
    assert world.chain() == ["sn3.qcow2", "sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    world.check_data(top)
    world.vblk("blockpull", "web1", "vda", "--base", world.path("base.qcow2"), "--wait")
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    world.check_data(top)


def test_both_killed_is_found_by_the_next_daemon(world):
    top = start_slow_pull(world)
    world.kill()
    for pid in world.shims():
        os.kill(pid, signal.SIGKILL)
    world.start()
    wait_for(lambda: not world.jobs(), "the end")
    assert world.jobs("--all")[0]["state"] == "failed"
    world.check_data(top)


def cancel_unheard(world):
    """The shim stands still, so that the cancel is on disk and in no job when the daemon is killed."""
    top = start_slow_pull(world)
    shims = world.shims()
    for pid in shims:
        os.kill(pid, signal.SIGSTOP)
    abort = threading.Thread(target=lambda: world.vblk("blockjob", "web1", "vda", "--abort", check=False))
    abort.start()
    wait_for(lambda: world.jobs()[0]["state"] == "cancelling", "the cancel to be stored")
    world.kill()
    abort.join()
    return top, shims


def test_a_cancel_that_was_not_heard_is_said_again_by_the_next_daemon(world):
    top, shims = cancel_unheard(world)
    for pid in shims:
        os.kill(pid, signal.SIGCONT)
    world.start()
    wait_for(lambda: not world.jobs(), "the end")
    assert world.jobs("--all")[0]["state"] == "cancelled"
    assert world.chain() == ["sn3.qcow2", "sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    world.check_data(top)


def test_a_cancelled_job_whose_shim_died_is_cancelled_and_not_failed(world):
    top, shims = cancel_unheard(world)
    for pid in shims:
        os.kill(pid, signal.SIGKILL)
    world.start()
    wait_for(lambda: not world.jobs(), "the end")
    assert world.jobs("--all")[0]["state"] == "cancelled"
    assert world.chain() == ["sn3.qcow2", "sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    world.check_data(top)


def test_definitions_and_snapshots_are_there_after_a_kill(world):
    world.define(world.make_chain(depth=2))
    world.vblk("snapshot-create-as", "web1", "s1", "--disk-only")
    before = world.vblk("dumpxml", "web1", "--inactive").stdout
    world.kill()
    world.start()
    assert world.vblk("dumpxml", "web1", "--inactive").stdout == before
    assert world.vblk("-q", "snapshot-list", "web1", "--name").stdout == "s1\n"
