"""`make run`: the panel until Ctrl-C, which ends it without an error."""

import sys

from dev.commands import Failure
from dev.progress import say


def main() -> int:
    try:
        # Imported here because it takes half a second, in which Ctrl-C may come.
        from dev import demo

        return demo.run_until_stopped()
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("The panel has stopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
