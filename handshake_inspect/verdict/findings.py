"""The findings: everything that is worth a sentence about a connection, one row each.

To add one: a row here (at the end: the row's place is its number), its number in findings.pxd, and a line in notes.py
that raises it.  `text` is formatted with the finding's two numbers `a` and `b`, its endpoint `who`, the other one
`other`, and its frames `frame` and `second`.
"""

from typing import NamedTuple


class FindingKind(NamedTuple):
    """One kind: its stable id, how bad it is, what it means, and the sentence for one case of it."""

    id: str
    severity: str
    sentence: str
    text: str


F = FindingKind

# fmt: off
FINDINGS = (
    F("wrong-ack", "error",
      "An ACK acknowledges a number that its receiver cannot have sent (SEQ + 1 does not hold).",
      "the {who}'s frame {frame} acknowledges {a}, expected {b}: {off}"),
    F("syn-retransmitted", "warning",
      "The SYN was sent again: the first was lost, dropped by a filter, or its answer was.",
      "the {who} sent its SYN {a} times (frames {frame} to {second})"),
    F("syn-ack-retransmitted", "warning",
      "The SYN-ACK was sent again: it or the client's ACK was lost, or the accept queue was full.",
      "the {who} sent its SYN-ACK {a} times (frames {frame} to {second})"),
    F("fin-retransmitted", "warning",
      "A FIN was sent again: it or its ACK was lost.",
      "the {who} sent its FIN {a} times (frames {frame} to {second})"),
    F("refused", "error",
      "RST,ACK answered the SYN: nothing listens on that port, or a filter says so.",
      "frame {frame} refuses the connection{times}"),
    F("unanswered", "error",
      "No answer to the SYN: filtered, lost, or the host is not there.",
      "{a} SYN{plural} and no answer at all"),
    F("half-open", "error",
      "The SYN-ACK was never acknowledged: the client is gone or forged, or cannot be reached.",
      "the server's SYN-ACK (frame {frame}, sent {a} time{plural}) was never acknowledged"),
    F("half-closed", "warning",
      "One side closed and the other never did: its program has not called close (CLOSE_WAIT leak?).",
      "the {other} never closed: it has been in CLOSE_WAIT since frame {frame}"),
    F("split-handshake", "note",
      "The server answered the SYN with a bare SYN and the client completed it with a SYN-ACK.",
      "frame {frame} answers the SYN with a bare SYN"),
    F("simultaneous-open", "note",
      "Both ends sent a SYN before they received the other's (RFC 9293 Figure 7).",
      "the SYNs of frames {frame} and {second} crossed"),
    F("simultaneous-close", "note",
      "Both ends sent a FIN before they received the other's (RFC 9293 Figure 13): both go through CLOSING.",
      "the FINs of frames {frame} and {second} crossed"),
    F("rst-ignored", "warning",
      "A RST outside the receiver's window: it must be ignored (RFC 9293 section 3.10.7.4).",
      "the RST of frame {frame} ({who}) is ignored: {off}"),
    F("rst-challenged", "warning",
      "A RST inside the window but not at RCV.NXT: the receiver answers with a challenge ACK (RFC 5961).",
      "the RST of frame {frame} ({who}) is not at RCV.NXT but {b} beyond: it calls for a challenge ACK"),
    F("rst-not-delivered", "warning",
      "The receiver of a RST went on: the RST was lost behind the capture point, or refused.",
      "the {other} goes on after the RST of frame {frame}: it was not taken"),
    F("rst-forged", "error",
      "The endpoint that a RST names as its sender went on as if nothing had been: somebody else sent it.",
      "the {who} goes on after \"its\" RST of frame {frame}: somebody else sent it"),
    F("syn-challenged", "note",
      "A SYN on a live 4-tuple was answered by an ACK with the old numbers (RFC 5961 section 4).",
      "frame {second} answers the SYN of frame {frame} with an ACK of the connection before"),
    F("tuple-reused", "note",
      "The same addresses and ports were used for more than one connection.",
      "connection {a} on this 4-tuple; the one before began at frame {frame}"),
    F("time-wait-reused", "note",
      "A new SYN was accepted while the 4-tuple was in TIME_WAIT (RFC 9293 section 3.6.1, MAY-2).",
      "the SYN of frame {frame} ends the {who}'s TIME_WAIT{proof}"),
    F("time-wait-reset", "warning",
      "A RST ended TIME_WAIT (RFC 1337): late segments are no longer guarded against.",
      "the RST of frame {frame} ends the {who}'s TIME_WAIT"),
    F("data-after-close", "warning",
      "Data came for an endpoint that had closed, and was answered by a RST (RFC 9293 section 3.6.1).",
      "data of frame {frame} reached a closed {who}, which answered with the RST of frame {second}"),
    F("late-segment", "note",
      "A segment came after both ends had closed.",
      "{a} segment{plural} after the close, the first in frame {frame}"),
    F("accept-queue-full", "warning",
      "The SYN-ACK is sent again although the client's ACK passed: the accept queue is full, or the ACK was lost "
      "behind the capture point.",
      "the SYN-ACK of frame {second} repeats although frame {frame} acknowledged it"),
    F("fast-open", "note",
      "TCP Fast Open (RFC 7413): data or a cookie on the SYN.",
      "the SYN of frame {frame} asks for Fast Open with {a} bytes of data; the SYN-ACK takes {b}"),
    F("icmp-unreachable", "error",
      "An ICMP error answered a segment of this connection.",
      "frame {frame} is an ICMP error (type {a}, code {b}) that quotes the {who}'s segment"),
    F("mirrored", "note",
      "The capture holds segments twice (a mirror port, a bridge, -i any); copies are not retransmissions.",
      "{a} segment{plural} captured twice"),
    F("capture-gap", "warning",
      "Bytes were acknowledged that the capture does not hold: the capture lost segments.",
      "{a} bytes of the {who} are acknowledged but not in the capture"),
    F("out-of-order-capture", "note",
      "The capture is not in order: a SYN-ACK stands before its SYN, or the clock goes back.",
      "{what}"),
    F("one-sided", "warning",
      "Only one direction was captured: the other end's states are inferred from ACKs or unknown.",
      "no segment of the {who} is in the capture"),
    F("mid-stream", "note",
      "The capture begins after the handshake: both ends are assumed ESTABLISHED.",
      "no SYN was captured"),
    F("roles-guessed", "note",
      "Neither SYN nor SYN-ACK was captured: client and server are guessed from the ports, or by who spoke first.",
      "who is the client is guessed"),
    F("bad-checksum", "note",
      "TCP checksums are wrong: damaged on the way, or captured before the network card filled them in.",
      "{a} SYN, FIN or RST segment{plural} of the {who} with a wrong checksum"),
    F("isn-predictable", "warning",
      "A host's initial sequence numbers can be predicted (RFC 6528), judged over all its connections that opened.",
      "the {who}'s ISNs can be predicted: {moves}"),
    F("keep-alive", "note",
      "Keep-alive probes: one byte or none below SND.NXT, to see whether the peer is alive.",
      "{a} keep-alive probe{plural} of the {who}"),
    F("zero-window", "note",
      "An endpoint advertised a window of 0: its program does not read.",
      "the {who} advertised a zero window {a} time{plural}"),
    F("self-connected", "note",
      "Both ends are the same address and port: a socket that connected to itself.",
      "one socket is both ends; which way a segment went cannot be known"),
    F("frames-lost", "warning",
      "The capture itself lost frames (the kernel dropped them) when a segment that is missing here may have passed.",
      "{a} frame{plural} lost by the capture: a segment that is missing here may be among them"),
)
# fmt: on

NUMBERS = {kind.id: number for number, kind in enumerate(FINDINGS)}
assert len(NUMBERS) == len(FINDINGS), "two findings share an id"
assert len(FINDINGS) <= 64, "Connection.findings has 64 bits"
