# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Tab key offers in bash."""

import os
import pathlib
import subprocess

from conftest import BUILD, DEADLINE

SCRIPT = pathlib.Path(__file__).resolve().parent.parent.parent / "data" / "vblk.bash-completion"


def complete(world, *words):
    """The last word is the one that is being typed."""
    script = (
        'source "$0" && COMP_WORDS=(vblk "$@") && COMP_CWORD=$# && _vblk '
        '&& printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = dict(world.env, PATH=f"{BUILD / 'tools'}:{os.environ['PATH']}")
    done = subprocess.run(
        ["bash", "-c", script, SCRIPT, *words],
        env=env, capture_output=True, text=True, timeout=DEADLINE, check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_are_offered(world):
    assert complete(world, "blockj") == ["blockjob"]
    assert {"chain", "define", "help", "snapshot-list"} <= set(complete(world, ""))
    assert complete(world, "help", "blockpu") == ["blockpull"]


def test_a_commands_options_are_offered(world):
    assert complete(world, "blockpull", "web1", "vda", "--ba") == ["--bandwidth", "--base"]
    assert complete(world, "-c", "virtblock:///session", "jobs", "--j") == ["--json"]


def test_domains_and_disks_are_offered(world):
    top = world.make_chain(depth=2)
    world.define(top)
    world.define(top, name="other")
    assert sorted(complete(world, "chain", "")) == ["other", "web1"]
    assert complete(world, "chain", "web") == ["web1"]
    assert complete(world, "blockpull", "web1", "") == ["vda"]


def test_nothing_is_offered_where_nothing_can_be_known(world):
    assert complete(world, "frobnicate", "--x") == []
    assert complete(world, "-c", "virtblock+unix:///nowhere", "chain", "") == []
