"""The names that a capture itself tells: DNS answers, the server name of TLS and the Host of HTTP; no network is asked.

    dns.py, tls.py, http.py   one message's bytes to names, each safe on any bytes
    wire.py                   a pass over the captures that finds these messages
    labels.py                 what was found, bounded
    named.py                  a report whose endpoints carry their names

Names are claims of whoever sent them: they label, and no verdict rests on them.
"""

from handshake_inspect.names.labels import Labels
from handshake_inspect.names.named import Named
from handshake_inspect.names.wire import names_of, refuse_standard_input

__all__ = ["Labels", "Named", "names_of", "refuse_standard_input"]
