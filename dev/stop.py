"""`make stop`: end the panel that `make run` started, and whatever outlived its manager."""

import sys

from dev import config as configuration
from dev.commands import Failure
from dev.instance import Instance


def main() -> int:
    try:
        with Instance(configuration.read().var) as instance:
            running = instance.end()
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"Stopped the panel at {running.address}." if running else "No panel runs here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
