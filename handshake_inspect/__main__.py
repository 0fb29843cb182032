"""The command `handshake-inspect`, and `python -m handshake_inspect`."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

from handshake_inspect.cli import main


def run() -> NoReturn:
    """Run the command line of this process and leave.

    By then everything is written and closed.  Leaving without taking the interpreter apart object by object saves as
    much time as the analysis of 100,000 frames takes.
    """
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
