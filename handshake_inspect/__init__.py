"""What did this TCP connection do?

>>> from handshake_inspect import analyse
>>> report = analyse("sample_pcaps/normal_close_by_client/capture.pcap")
>>> [connection.closing.kind for connection in report.connections]
['four-way']
"""

from handshake_inspect.analyse import Report, analyse
from handshake_inspect.errors import CaptureError, FilterError, HandshakeInspectError, UsageError

__version__ = "0.1.0"
__all__ = ["CaptureError", "FilterError", "HandshakeInspectError", "Report", "UsageError", "__version__", "analyse"]
