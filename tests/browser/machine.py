"""A real virtual machine with a VNC server: a BIOS, and a boot sector that echoes what is typed."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

GREETING = b"Ready. "
# Prints what stands behind it, then echoes keys for ever: BIOS calls 10h and 16h.
PROGRAM = bytes.fromhex("31c0 8ed8 be1c7c ac 84c0 7406 b40e cd10 ebf5 31c0 cd16 b40e cd10 ebf6")
SECTOR = 510
# Where a PC keeps the 25 lines of its text screen: a letter, its colour, a letter…
TEXT_MEMORY, TEXT_BYTES = 0xB8000, 4000
FIRST_VNC_PORT = 5900


class Machine:
    def __init__(self, folder, display):
        self.address = f"127.0.0.1:{FIRST_VNC_PORT + display}"
        self.memory = folder / "memory"
        self.control = socket.socket(socket.AF_UNIX)
        connect_soon(self.control, str(folder / "qmp"))
        self.lines = self.control.makefile("rw")
        self.lines.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        while "return" not in (answer := json.loads(self.lines.readline())):
            assert "error" not in answer, answer

    def text(self):
        """What stands on its screen, read from its memory and not from a picture."""
        self.do("pmemsave", val=TEXT_MEMORY, size=TEXT_BYTES, filename=str(self.memory))
        return self.memory.read_bytes()[::2].replace(b"\0", b" ").decode("ascii", "replace")

    def shows(self, words, seconds=15):
        until = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < until, f"{words!r} does not come: {self.text()}"
            time.sleep(0.1)
        return True

    def hides(self, words, seconds=15):
        until = time.monotonic() + seconds
        while words in self.text():
            assert time.monotonic() < until, f"{words!r} stays: {self.text()}"
            time.sleep(0.1)
        return True


def connect_soon(control, path, seconds=15):
    until = time.monotonic() + seconds
    while True:
        try:
            control.connect(path)
            return
        except OSError:
            assert time.monotonic() < until, "QEMU does not start"
            time.sleep(0.05)


def take_over(address):
    """Signs in as the only viewer."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), 5) as viewer:
        stream = viewer.makefile("rwb")
        for count, answer in ((12, b"RFB 003.008\n"), (2, b"\1"), (4, b"\0"), (24, b"")):
            assert len(stream.read(count)) == count
            stream.write(answer)
            stream.flush()
        time.sleep(0.5)


def free_display():
    for display in range(40, 99):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", FIRST_VNC_PORT + display)) != 0:
                return display
    raise AssertionError("no free VNC port")


@contextmanager
def running(folder):
    disk = folder / "disk"
    disk.write_bytes((PROGRAM + GREETING).ljust(SECTOR, b"\0") + b"\x55\xaa")
    display = free_display()
    process = subprocess.Popen(
        [
            os.environ.get("QEMU") or shutil.which("qemu-system-x86_64"), "-nodefaults",
            "-vga", "std", "-m", "32", "-vnc", f"127.0.0.1:{display}",
            "-qmp", f"unix:{folder / 'qmp'},server=on,wait=off",
            "-drive", f"format=raw,file={disk},if=ide",
        ]
    )  # fmt: skip
    try:
        machine = Machine(folder, display)
        yield machine
        machine.lines.close()
        machine.control.close()
    finally:
        process.terminate()
        process.wait(10)
