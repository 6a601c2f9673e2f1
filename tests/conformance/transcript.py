# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transcripts: what a peer said, without what may differ from one run to the next."""

import json
import re

# A matter of timing, of the host or of how an engine allocates; never of what a client relies on.
ALWAYS_FORGOTTEN = {"timestamp", "busy", "actual-size", "seconds", "microseconds"}


class Names:
    """Made up names become #1, #2 ... in the order in which they appear."""

    def __init__(self):
        self.known = {}

    def replace(self, text):
        return re.sub(
            r"#block\d+",
            lambda match: self.known.setdefault(match.group(), f"#{len(self.known) + 1}"),
            text,
        )


def clean(value, forgotten, names):
    if isinstance(value, dict):
        # In a fixed order, so that made up names are numbered alike.
        result = {key: clean(value[key], forgotten, names) for key in sorted(value)}
        for key in result:
            if key in forgotten:
                result[key] = "..."
        # The length of a file: QEMU rounds it up to sectors, and engines allocate differently.
        if result.get("format") == "file":
            result["virtual-size"] = "..."
        return result
    if isinstance(value, list):
        return [clean(element, forgotten, names) for element in value]
    if isinstance(value, str):
        value = names.replace(value)
        return re.sub(r"Completed \d+", "Completed ...", value) if "offset" in forgotten else value
    return value


def text_of(message, play):
    return json.dumps(clean(message, ALWAYS_FORGOTTEN | play.forgotten, Names()), sort_keys=True)


def lines_of(messages, play):
    names = Names()
    forgotten = ALWAYS_FORGOTTEN | play.forgotten
    replies, events, both = [], [], []
    for message in messages:
        # On many lines, so that a difference is told by its member.
        text = json.dumps(clean(message, forgotten, names), sort_keys=True, indent=1)
        both.append(text)
        (events if "event" in message else replies).append(text)
    for number in filter(lambda what: isinstance(what, int), play.differences):
        replies[number - 1] = f"reply {number} differs: {play.differences[number]}"
    chosen = both if play.is_interleaved else replies + events
    return [line for text in chosen for line in text.split("\n")]
