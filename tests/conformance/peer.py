# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers: a process that speaks QMP, started for one play in a folder of its own."""

import json
import socket
import subprocess
import time

TIMEOUT = 20


class PeerError(Exception):
    pass


class Peer:
    """What it says is kept in `said`, a list of messages in the order they came."""

    def __init__(self, command, folder):
        self.said = []
        self.rest = b""
        self.log = open(folder / "stderr", "w+b")
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.socket = self.connect(folder / "qmp.sock")

    def connect(self, path):
        deadline = time.monotonic() + TIMEOUT
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT)
            try:
                connection.connect(str(path))
                return connection
            except OSError as error:
                connection.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise PeerError(f"cannot connect: {error}; it said: {self.read_log()}") from error
                time.sleep(0.01)

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def receive(self):
        """The next message, or None at the end."""
        while b"\n" not in self.rest:
            try:
                data = self.socket.recv(65536)
            except TimeoutError as error:
                raise PeerError(f"silent for {TIMEOUT} s; it said: {self.said[-3:]}") from error
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        message = json.loads(line)
        self.said.append(message)
        return message

    def greet(self):
        self.receive()
        self.said.clear()
        self.command('{"execute": "qmp_capabilities"}')
        self.said.clear()

    def command(self, text):
        self.socket.sendall(text.encode() + b"\n")
        return self.wait(lambda message: "return" in message or "error" in message)

    def wait(self, is_wanted):
        while True:
            message = self.receive()
            if message is None:
                raise PeerError(f"it is gone; it said: {self.read_log()}")
            if is_wanted(message):
                return message

    def wait_event(self, name, conditions, since):
        """An event that was sent at or after message number @since; returns the number after it."""

        def is_wanted(message):
            data = message.get("data", {})
            return message.get("event") == name and all(
                str(data.get(key)) == value for key, value in conditions
            )

        for number, message in enumerate(self.said[since:], since):
            if is_wanted(message):
                return number + 1
        self.wait(is_wanted)
        return len(self.said)

    def end(self):
        """Asks it to quit where it has not gone yet, and reads what it still says."""
        try:
            if self.process.poll() is None:
                self.socket.sendall(b'{"execute": "quit"}\n')
            while self.receive() is not None:
                pass
        except OSError:
            pass
        return self.process.wait(TIMEOUT)

    def close(self):
        self.socket.close()
        self.log.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
