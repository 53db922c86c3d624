"""Become another program that Linux ends when the one that started us dies.

`kill -9` of a manager leaves what it started behind, for a killed process can end nobody. Elsewhere
than on Linux this does nothing, and the next start ends the leftovers.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("The process that started this one is gone.")
    os.execvp(command[0], command)  # noqa: S606 - a program and its arguments, no shell


if __name__ == "__main__":
    main()
