# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job: a chain of a machine that is shut off is pulled."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import BUILD, wait_for


def test_a_pull_down_to_the_base_keeps_the_data_and_shortens_the_chain(world):
    top = world.make_chain()
    world.define(top)
    assert world.chain() == ["sn3.qcow2", "sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    done = world.vblk("blockpull", "web1", "vda", "--base", world.path("base.qcow2"), "--wait")
    assert "Pull complete" in done.stdout
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    world.check_data(top)


def test_a_pull_of_everything_leaves_an_image_that_stands_alone(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--wait")
    assert world.chain() == ["sn3.qcow2"]
    world.check_data(top)
    for name in ("sn2.qcow2", "sn1.qcow2", "base.qcow2"):
        world.path(name).unlink()
    world.shim("compare", top, world.folder / "saved" / "sn3.qcow2")


def test_the_base_may_be_named_by_index_and_by_relative_name(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", "vda[3]", "--keep-relative", "--wait")
    assert world.chain() == ["sn3.qcow2", "sn1.qcow2", "base.qcow2"]
    world.vblk("blockpull", "web1", top, "--base", "base.qcow2", "--keep-relative", "--wait")
    assert world.chain() == ["sn3.qcow2", "base.qcow2"]
    info = json.loads(world.shim("info", "--output=json", top).stdout)
    assert info["backing-filename"] == "base.qcow2"
    world.check_data(top)


def test_qemu_img_finds_the_result_sound(world):
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not installed")
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", "base.qcow2", "--wait")
    subprocess.run(["qemu-img", "check", top], check=True, capture_output=True)
    saved = world.folder / "saved" / "sn3.qcow2"
    subprocess.run(["qemu-img", "compare", top, saved], check=True, capture_output=True)


def test_a_chain_in_the_definition_is_kept_there(world):
    top = world.make_chain(depth=3)
    xml = world.folder / "web1.xml"
    xml.write_text(
        f"""<domain type='kvm'><name>web1</name><os><type>hvm</type></os><devices>
        <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>
        <source file='{top}'/><backingStore type='file'><format type='qcow2'/>
        <source file='{world.path("sn1.qcow2")}'/><backingStore type='file'><format type='qcow2'/>
        <source file='{world.path("base.qcow2")}'/><backingStore/></backingStore></backingStore>
        <target dev='vda'/><serial>keep-me</serial></disk></devices></domain>""",
        encoding="utf-8",
    )
    world.vblk("define", xml)
    world.vblk("blockpull", "web1", "vda", "--base", world.path("base.qcow2"), "--wait")
    stored = world.vblk("-q", "dumpxml", "web1", "--inactive").stdout
    assert "base.qcow2" in stored and "sn1.qcow2" not in stored
    assert "keep-me" in stored and "cache='none'" in stored


def test_a_job_can_be_cancelled_and_pulled_again(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--bandwidth", "1")
    world.vblk("blockjob", "web1", "vda", "--abort")
    assert world.vblk("blockjob", "web1", "vda").stdout.startswith("No current block job for vda")
    assert world.chain() == ["sn3.qcow2", "sn2.qcow2", "sn1.qcow2", "base.qcow2"]
    world.check_data(top)
    assert [job["state"] for job in world.jobs("--all")] == ["cancelled"]
    world.vblk("blockpull", "web1", "vda", "--wait")
    assert world.chain() == ["sn3.qcow2"]
    world.check_data(top)


def test_ctrl_c_while_waiting_aborts_the_job_and_says_so(world):
    world.define(world.make_chain())
    waiting = subprocess.Popen(
        [BUILD / "tools/vblk", "blockpull", "web1", "vda", "--bandwidth", "1", "--wait"],
        env=world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    wait_for(world.jobs, "the job")
    waiting.send_signal(signal.SIGINT)
    stdout, _ = waiting.communicate(timeout=60)
    assert "Pull aborted" in stdout and waiting.returncode == 1
    assert [job["state"] for job in world.jobs("--all")] == ["cancelled"]


def test_a_timeout_aborts_the_job(world):
    world.define(world.make_chain())
    done = world.vblk(
        "blockpull", "web1", "vda", "--bandwidth", "1", "--wait", "--timeout", "1", check=False
    )
    assert done.returncode == 1 and "Pull aborted" in done.stdout


def test_a_job_can_be_paused_resumed_and_hurried(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--bandwidth", "1")
    world.vblk("blockjob", "web1", "vda", "--pause")
    wait_for(lambda: world.jobs()[0]["state"] == "paused", "the pause")
    assert "paused" in world.vblk("blockjob", "web1", "vda").stdout
    world.vblk("blockjob", "web1", "vda", "--resume")
    wait_for(lambda: world.jobs()[0]["state"] == "running", "the resumption")
    world.vblk("blockjob", "web1", "vda", "--bandwidth", "0")
    wait_for(lambda: not world.jobs(), "the end")
    assert [job["state"] for job in world.jobs("--all")] == ["completed"]
    world.check_data(top)


def test_a_paused_job_can_be_aborted(world):
    world.define(world.make_chain())
    world.vblk("blockpull", "web1", "vda", "--bandwidth", "1")
    world.vblk("blockjob", "web1", "vda", "--pause")
    world.vblk("blockjob", "web1", "vda", "--abort")
    assert [job["state"] for job in world.jobs("--all")] == ["cancelled"]


def test_the_raw_job_info_has_virshs_words(world):
    world.define(world.make_chain())
    world.vblk("blockpull", "web1", "vda", "--bandwidth", "2")
    raw = world.vblk("-q", "blockjob", "web1", "vda", "--raw").stdout.splitlines()
    assert raw[0] == " type=Block Pull" and raw[1] == " bandwidth=2"
    assert raw[2].startswith(" cur=") and raw[3] == " end=268435456"
    world.vblk("blockjob", "web1", "vda", "--abort")


def test_events_are_numbered_and_tell_both_names_of_the_disk(world):
    top = world.make_chain()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--wait")
    events = world.events()
    assert [event["event"] for event in events] == ["lifecycle", "block-job", "block-job-2"]
    assert [event["disk"] for event in events[1:]] == [str(top), "vda"]
    numbers = [event["sequence"] for event in events]
    assert numbers == sorted(set(numbers))


def test_snapshots_put_an_overlay_on_top_and_make_a_tree(world):
    top = world.make_chain(depth=2)
    world.define(top)
    done = world.vblk("snapshot-create-as", "web1", "s1", "--disk-only")
    assert done.stdout == "Domain snapshot s1 created\n\n"
    overlay = world.path("own.qcow2")
    world.vblk("snapshot-create-as", "web1", "s2", "--disk-only", "--diskspec", f"vda,file={overlay}")
    assert world.chain() == ["own.qcow2", "sn1.s1", "sn1.qcow2", "base.qcow2"]
    assert world.vblk("snapshot-list", "web1", "--tree").stdout == "s1\n  |\n  +- s2\n    \n\n\n"
    assert "<source file='" in world.vblk("snapshot-dumpxml", "web1", "s2").stdout
    assert overlay.stat().st_mode & 0o077 == 0
    world.vblk("snapshot-delete", "web1", "s1", "--metadata")
    assert world.vblk("-q", "snapshot-list", "web1", "--name").stdout == "s2\n"
    world.vblk("blockpull", "web1", "vda", "--wait")
    assert world.chain() == ["own.qcow2"]
    world.shim("compare", overlay, world.folder / "saved" / "sn1.qcow2")


def test_lists_are_filtered_as_virsh_does(world):
    top = world.make_chain(depth=2)
    world.define(top)
    world.vblk("define-image", "other", world.path("base.qcow2"))
    for name in ("s1", "s2", "s3"):
        world.vblk("snapshot-create-as", "web1", name, "--disk-only")

    def domains(*options):
        return world.vblk("-q", "list", "--all", "--name", *options).stdout.split()

    assert domains() == ["other", "web1"]
    assert domains("--with-snapshot") == ["web1"]
    assert domains("--without-snapshot") == ["other"]
    assert domains("--with-snapshot", "--without-snapshot") == ["other", "web1"]
    assert domains("--state-running") == []
    assert domains("--state-running", "--state-shutoff", "--persistent") == ["other", "web1"]
    assert domains("--transient") == []
    assert world.vblk("-q", "list", "--all", "--id", "--name").stdout == "- other\n- web1\n"

    def snapshots(*options):
        return world.vblk("-q", "snapshot-list", "web1", "--name", *options).stdout.split()

    assert snapshots() == ["s1", "s2", "s3"]
    assert snapshots("--roots") == ["s1"]
    assert snapshots("--leaves") == ["s3"]
    assert snapshots("--no-leaves") == ["s1", "s2"]
    assert snapshots("--from", "s1") == ["s2"]
    assert snapshots("--from", "s1", "--descendants") == ["s2", "s3"]
    assert snapshots("--current") == []
    assert snapshots("--internal") == []
    assert snapshots("--external", "--inactive") == ["s1", "s2", "s3"]
    assert snapshots("--disk-only") == []
    assert "nowhere" in world.fails("snapshot-list", "web1", "--from", "nowhere")


def test_an_image_without_xml_becomes_a_domain(world):
    top = world.make_chain(depth=2)
    world.vblk("define-image", "plain", top)
    assert world.chain("plain") == ["sn1.qcow2", "base.qcow2"]
    world.vblk("undefine", "plain")
    assert "plain" not in world.vblk("list", "--all").stdout


def test_a_session_daemon_is_started_by_the_client_and_goes(world):
    with tempfile.TemporaryDirectory() as runtime:
        env = dict(world.env, VIRTBLOCK_URI="virtblock:///session", XDG_RUNTIME_DIR=runtime)
        done = subprocess.run(
            [BUILD / "tools/vblk", "list"], env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        subprocess.run(["pkill", "-TERM", "-f", f"virtblockd --session --socket {runtime}"], check=True)
        wait_for(lambda: not list(pathlib.Path(runtime).glob("virtblock/virtblock-sock")), "its end")


def test_a_speed_limit_is_kept(world):
    """Not a matter of timing: what was moved is compared with what the clock allowed."""
    world.define(world.make_chain())
    world.vblk("blockpull", "web1", "vda", "--bandwidth", "4")
    begin = time.monotonic()
    wait_for(lambda: world.path("sn3.qcow2").stat().st_blocks * 512 > 44 << 20, "8 MiB of copying")
    allowed = 4 * (time.monotonic() - begin) + 4
    moved = world.path("sn3.qcow2").stat().st_blocks * 512 / (1 << 20) - 33
    world.vblk("blockjob", "web1", "vda", "--abort")
    assert moved <= allowed + 4


def test_a_layer_shorter_than_the_base_is_dropped_and_hides_what_it_hid(world):
    """A fault of QEMU that our own engine does not have, so here it is allowed."""
    world.path("").mkdir()
    base, short, top = (world.path(name) for name in ("base.qcow2", "sn1.qcow2", "sn2.qcow2"))
    world.shim("create", "-f", "qcow2", base, "8M")
    world.write(base, "write -P 0x5a 0 8M")
    world.shim("create", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", short, "2M")
    world.shim("create", "-f", "qcow2", "-b", "sn1.qcow2", "-F", "qcow2", top, "8M")
    world.save()
    world.define(top)
    world.vblk("blockpull", "web1", "vda", "--base", base, "--wait")
    assert world.chain() == ["sn2.qcow2", "base.qcow2"]
    world.check_data(top)
