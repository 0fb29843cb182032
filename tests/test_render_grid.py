"""tabulate at a third of its price: the same tables, and the real metadata for everybody else."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("before", ["", "import importlib.metadata;"])
def test_the_table_is_tabulates_and_the_metadata_stay_what_they_are(before):
    code = (
        f"{before} from handshake_inspect.render.grid import tabulate;"
        "import importlib.metadata, tabulate as real;"
        "assert tabulate is real.tabulate;"
        "print(tabulate([[1, 'a']], headers=['n', 'x'])); print(importlib.metadata.version('tabulate') != '')"
    )
    done = subprocess.run([sys.executable, "-c", code.strip()], capture_output=True, text=True, check=True)
    assert done.stdout == "  n  x\n---  ---\n  1  a\nTrue\n"


def test_the_metadata_of_packages_are_not_read_for_a_version_that_nobody_asks_for():
    code = "import sys; import handshake_inspect.render.grid; print('importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code.strip()], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
