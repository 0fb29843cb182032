"""`python -m handshake_inspect`, the same as the command `handshake-inspect`."""

import sys

from handshake_inspect.cli import main

sys.exit(main())
