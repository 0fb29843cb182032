"""Live: frames that still come are taken into account, and what changes is told while it does.

A *source* yields batches of frames for as long as it likes (`Source`), a *tap* sees each batch before it is gone
(`Tap`), a *listener* hears what changed a few times a second (`Listener`).  `Engine` is the loop between them.
"""

from handshake_inspect.capture.follow import Followed
from handshake_inspect.capture.follow import Following as follow_file
from handshake_inspect.capture.live import interfaces, open_live
from handshake_inspect.live.engine import Engine, Listener, News, Source, Tap
from handshake_inspect.live.privileges import give_up

__all__ = [
    "Engine",
    "Followed",
    "Listener",
    "News",
    "Source",
    "Tap",
    "follow_file",
    "give_up",
    "interfaces",
    "open_live",
]
