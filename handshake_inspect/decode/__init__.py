"""Frames to segments: `Decoder`, and the tables of what a frame can begin with."""

from handshake_inspect.decode.decoder import Decoder
from handshake_inspect.decode.link import ETHERTYPES, LINK_TYPES, link_type_name

__all__ = ["ETHERTYPES", "LINK_TYPES", "Decoder", "link_type_name"]
