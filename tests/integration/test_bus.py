# SPDX-License-Identifier: LGPL-2.1-or-later
"""The message bus: the same objects there, for those whom its policy lets in."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, DEADLINE, wait_for

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIG = """<busconfig>
<type>{kind}</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="false"/>
<allow receive_sender="*"/><allow own="*"/></policy>{more}</busconfig>
"""


@pytest.fixture
def bus(world, request):
    """A bus of our own, of the kind that the test asks for, and virtblockd on it."""
    kind = request.param
    if kind == "system" and os.geteuid() != 0:
        pytest.skip("the system's daemon needs root")
    with tempfile.TemporaryDirectory(prefix="vb-bus-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)  # others may come in, as far as the policy lets them
        with running_bus(folder, kind) as address:
            world.env[f"DBUS_{kind.upper()}_BUS_ADDRESS"] = address
            restart(world, kind)
            yield kind


@contextlib.contextmanager
def running_bus(folder, kind):
    path = folder / "bus.sock"
    more = f"<include>{SOURCE}/data/org.virtblock1.conf</include>" if kind == "system" else ""
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(kind=kind, path=path, more=more), encoding="utf-8")
    process = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--nosyslog"]
    )
    wait_for(path.exists, "the bus")
    path.chmod(0o666)
    yield f"unix:path={path}"
    process.terminate()
    process.wait(DEADLINE)


def restart(world, kind):
    world.daemon.terminate()
    world.daemon.wait(DEADLINE)
    with open(world.folder / "daemon.log", "ab") as log:
        world.daemon = subprocess.Popen(
            [
                BUILD / "daemon/virtblockd", f"--{kind}", "--socket", world.socket,
                "--state-dir", world.folder / "state", "--timeout", "0",
            ],
            env=world.env, stdout=log, stderr=log,
        )
    wait_for(lambda: "org.virtblock1" in names(world, kind), "our name on the bus")


def gdbus(world, kind, verb, *words, user=None, check=True):
    command = [shutil.which("gdbus"), verb, f"--{kind}", *words]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", *command]
    done = subprocess.run(command, env=world.env, capture_output=True, text=True, timeout=DEADLINE)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def names(world, kind):
    return gdbus(
        world, kind, "call", "--dest", "org.freedesktop.DBus", "--object-path", "/",
        "--method", "org.freedesktop.DBus.ListNames",
    ).stdout


def call(world, kind, path, method, *words, **more):
    return gdbus(
        world, kind, "call", "--dest", "org.virtblock1", "--object-path", path,
        "--method", method, *words, **more,
    )


both = pytest.mark.parametrize("bus", ["session", "system"], indirect=True)
system = pytest.mark.parametrize("bus", ["system"], indirect=True)


@both
def test_objects_methods_and_properties_are_on_the_bus(world, bus):
    world.vblk("define-image", "web1", world.make_chain(depth=2))
    managed = call(
        world, bus, "/org/virtblock1", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"
    ).stdout
    domain = re.search(r"objectpath '(/org/virtblock1/[^']*)': \{'org\.virtblock1\.Domain'", managed)
    assert domain, managed
    name = call(
        world, bus, domain[1], "org.freedesktop.DBus.Properties.Get", "org.virtblock1.Domain", "Name"
    ).stdout
    assert name == "(<'web1'>,)\n"
    xml = call(world, bus, domain[1], "org.virtblock1.Domain.GetXML", "0").stdout
    assert "<name>web1</name>" in xml
    text = gdbus(
        world, bus, "introspect", "--dest", "org.virtblock1", "--object-path", domain[1]
    ).stdout
    assert "BlockPull" in text


@both
def test_events_are_heard_on_the_bus(world, bus):
    monitor = subprocess.Popen(
        [shutil.which("gdbus"), "monitor", f"--{bus}", "--dest", "org.virtblock1"],
        env=world.env, stdout=subprocess.PIPE, text=True,
    )
    assert "Monitoring" in monitor.stdout.readline()
    assert "owned by" in monitor.stdout.readline()
    world.vblk("define-image", "web1", world.make_chain(depth=2))
    world.vblk("blockpull", "web1", "vda", "--wait")
    heard = ""
    while "'block-job-2'" not in heard:
        line = monitor.stdout.readline()
        assert line, heard
        heard += line
    assert "InterfacesAdded" in heard and "org.virtblock1.BlockJob" in heard
    monitor.terminate()
    monitor.communicate(timeout=DEADLINE)


@system
def test_the_policy_keeps_others_out(world, bus):
    done = call(
        world, bus, "/org/virtblock1", "org.freedesktop.DBus.ObjectManager.GetManagedObjects",
        user=65534, check=False,
    )
    assert done.returncode != 0
    assert "AccessDenied" in done.stderr
