"""tabulate at a quarter of its price: the same tables, and the real modules for everybody else."""

import subprocess
import sys

import pytest

SPARED = ("dataclasses", "html", "importlib.metadata", "inspect")


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("before", ["", *(f"import {name}\n" for name in SPARED)])
def test_tables_are_tabulates_of_every_kind(before):
    code = f"""{before}
from handshake_inspect.render.grid import tabulate
import dataclasses, html, importlib.metadata
import tabulate as real
assert tabulate is real.tabulate
@dataclasses.dataclass
class Row:
    n: int
    x: str
print(tabulate([[1, 'a']], headers=['n', 'x']))
print(tabulate([Row(1, 'a')], headers='keys'))
print(tabulate([['<']], tablefmt='html'))
print(html.escape('<'), dataclasses.is_dataclass(Row), importlib.metadata.version('tabulate') != '')
"""
    table = "  n  x\n---  ---\n  1  a\n"
    assert printed(code) == (
        f"{table}{table}<table>\n<tbody>\n<tr><td>&lt;</td></tr>\n</tbody>\n</table>\n&lt; True True\n"
    )


def test_a_table_loads_nothing_that_only_other_tables_need():
    code = f"""import sys
before = set(sys.modules)
from handshake_inspect.render.grid import tabulate
tabulate([['a']], headers=['x'], tablefmt='simple')
print(set({SPARED}) & (set(sys.modules) - before))
"""
    assert printed(code) == "set()\n"
