"""Runs the measurements and prints one table."""

import argparse
import os
import sys
from pathlib import Path

from bench.place import Place

KINDS = ["daphne", "uvicorn", "hypercorn", "granian"]

PARTS = [
    "cycles", "actions", "schedules", "alerts", "pages", "charts", "sockets", "web", "peers", "growth",
    "groups",
]  # fmt: skip


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
    parser.add_argument("--sockets", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--rounds", type=int, default=7, help="of updates to sockets")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two of them")
    parser.add_argument("--web-servers", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="of each")
    parser.add_argument("--clusters", type=int, default=10, help="of the largest growth")
    parser.add_argument("--minutes", type=float, default=3.0, help="of cycles, in growth")
    parser.add_argument("--group-guests", type=int, default=500, help="of each cluster, in groups")
    parser.add_argument(
        "--group-databases", nargs="*", default=[],
        help="where each group reaches the database, if not where all of the bench does",
    )  # fmt: skip
    parser.add_argument("--only", choices=PARTS, nargs="+")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="what CI holds, as ratios, in a minute; with --only those parts, small",
    )
    arguments = parser.parse_args(sys.argv[1:] or os.environ.get("BENCH", "").split())
    holds_ratios = arguments.quick and not arguments.only
    arguments.only = arguments.only or PARTS
    if arguments.quick:
        make_small(arguments)
    with Place() as place:
        # Django's settings are read from the environment that the place has prepared.
        from bench import ratios
        from bench.run import run

        if holds_ratios:
            return ratios.report(place)
        for line in run(place, arguments):
            print(line, flush=True)
    return 0


def make_small(arguments: argparse.Namespace) -> None:
    """That it works, not how fast."""
    arguments.servers, arguments.cycles, arguments.history = [200], 2, 5
    arguments.actions = arguments.schedules = 10
    arguments.mails = 30
    arguments.list, arguments.others = 10, 20
    arguments.sockets, arguments.processes = [50], [1]
    arguments.clusters, arguments.minutes = 2, 0.5


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
