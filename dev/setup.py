"""Set everything up that a start or a test needs: `python3 -m dev.setup`.

Runs on the machine's own Python and its standard library. What is there already is not done
again. With `--then dev.run` it becomes that module afterwards, inside the virtual environment:
one process from start to end, so that Ctrl-C reaches whatever runs.
"""

import argparse
import os
import sys

from dev import PYTHON, ROOT, assets, environment
from dev.commands import Failure
from dev.progress import Steps

STEPS = 3


def main() -> int:
    options = _options()
    try:
        _set_up(dev=options.dev, steps=Steps(total=options.of))
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before everything was set up; the next start goes on from here.")
        return 0 if options.then else 1
    if options.then:
        os.execv(PYTHON, [str(PYTHON), "-m", *options.then.split()])  # noqa: S606
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.setup", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    parser.add_argument("--of", type=int, default=STEPS, help="how many steps there are in all")
    parser.add_argument("--then", metavar="MODULE", help="the module to become afterwards")
    return parser.parse_args()


def _set_up(*, dev: bool, steps: Steps) -> None:
    os.chdir(ROOT)
    with steps.step("Virtual environment") as remarks:
        remarks += environment.create()
    with steps.step("Python packages") as remarks:
        if not environment.is_ready(dev=dev):
            remarks += environment.install(dev=dev)
    with steps.step("Browser assets") as remarks:
        if not assets.are_ready():
            remarks += assets.install()


if __name__ == "__main__":
    sys.exit(main())
