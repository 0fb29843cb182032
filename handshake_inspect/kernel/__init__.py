"""What Linux itself says of its sockets, beside what the wire shows of them."""

from handshake_inspect.kernel.beside import Beside, Disagreement, Row
from handshake_inspect.kernel.sockets import Sockets, how_to_ask

__all__ = ["Beside", "Disagreement", "Row", "Sockets", "how_to_ask"]
