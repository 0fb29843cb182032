"""The pytest plugin: the fixture `handshakes`.

pytest imports this module in every run, so it imports nothing but pytest until a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from handshake_inspect.testing import OpenCapture


@pytest.fixture
def handshakes(request: pytest.FixtureRequest) -> OpenCapture:
    """The connections of a capture, with assertions that show a ladder.

    `handshakes("web.pcap").only().opened("three-way")`, or `handshakes("web.pcap", expect="expect.toml")`.

    A relative path is looked for beside the test's file first, then in the current folder.
    """
    from handshake_inspect.testing import opener

    return opener(request.path.parent)
