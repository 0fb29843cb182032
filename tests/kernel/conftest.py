"""Plays the lifecycles that the chosen tests need, once."""

from __future__ import annotations

import pytest

from lifecycles import LIFECYCLES
from netns import CannotRecord, remove_namespaces_of_the_dead
from recording import Played, play_all

NUMBERED = {lifecycle.name: (number, lifecycle) for number, lifecycle in enumerate(LIFECYCLES)}


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> dict[str, Played | Exception]:
    """What came of each lifecycle that a chosen test is about."""
    remove_namespaces_of_the_dead()
    needed: set[str] = set()
    for item in request.session.items:
        if "played" in getattr(item, "fixturenames", ()):
            given = getattr(item, "callspec", None)
            needed |= {given.params["name"]} if given else set(NUMBERED)
    try:
        return play_all([NUMBERED[name] for name in NUMBERED if name in needed])
    except CannotRecord as reason:
        pytest.skip(str(reason))
