"""Runs the measurements and prints one table."""

import argparse
import os
import sys
from pathlib import Path

from bench.place import Place

PARTS = ["cycles", "actions", "schedules", "alerts", "pages", "charts"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--servers", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--cycles", type=int, default=8, help="measured, after one to warm up")
    parser.add_argument("--history", type=int, default=500, help="servers with a filled week")
    parser.add_argument("--actions", type=int, default=200, help="at once, on one worker")
    parser.add_argument("--schedules", type=int, default=500, help="of snapshots, due at once")
    parser.add_argument("--mails", type=int, default=2000, help="due at once")
    parser.add_argument("--list", type=int, default=100, help="servers of one person, on pages")
    parser.add_argument("--others", type=int, default=1000, help="servers of somebody else's")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--quick", action="store_true", help="small: that it works, not how fast")
    arguments = parser.parse_args(sys.argv[1:] or os.environ.get("BENCH", "").split())
    if arguments.quick:
        arguments.servers, arguments.cycles, arguments.history = [200], 2, 5
        arguments.actions = arguments.schedules = 10
        arguments.mails = 30
        arguments.list, arguments.others = 10, 20
    with Place() as place:
        # Django's settings are read from the environment that the place has prepared.
        from bench.run import run

        for line in run(place, arguments):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
