"""The lesson in English: a sentence for each key of looks/lesson.py."""

NAMES = {"client": "the client", "server": "the server", "nothing": "no socket"}
HEADINGS = {
    "before": "Before the first segment",
    "steps": "Step by step",
    "after": "Afterwards",
    "legend": "How a state is known",
}

SENTENCES = {
    "reading":
        "Time runs downwards, and an arrow is one segment. Beside each line stands the state of that end (RFC 9293 "
        "section 3.3.2). A capture shows segments, not states: a sign says how a state is known. Numbers in "
        "parentheses count from the ISN.",
    # Where an end begins.
    "start CLOSED":
        "{who} begins in CLOSED: there is no connection, and nothing is kept in memory for one.",
    "start LISTEN":
        "{who} is in LISTEN: its program has called listen(). This is the passive open, waiting for "
        "anyone to connect (section 3.9.1). No segment shows it, so it is assumed.",
    "start ESTABLISHED":
        "The capture begins after the handshake, so {who} is assumed to be ESTABLISHED.",
    "start unknown":
        "{who}'s state before the first row is not known.",
    # What a segment is for.
    "syn":
        "{who} sends a SYN with its initial sequence number (ISN) {seq}. The ISN is chosen so that nobody can guess "
        "it, because one who could might slip forged data in, and so that segments of an old connection do not fit "
        "the new one (section 3.4.1, RFC 6528). The SYN carries no data but takes one number all the same: only "
        "what has a number can be acknowledged, and sent again when it is lost. The peer must answer "
        "ACK = {next}.",
    "syn-ack":
        "{who} answers with two things in one segment: an ACK ({ack}: the next number that it expects, one more than "
        "the peer's SYN) and a SYN of its own with its own ISN {seq}. Each direction has its own numbers, so each "
        "needs its own SYN and its own ACK (section 3.5).",
    "handshake ack":
        "{who} acknowledges the peer's SYN with ACK = {ack}. Three segments are needed, for only the third tells the "
        "server that its own SYN has arrived. So an old SYN, delayed on the network, cannot open a connection "
        "(section 3.5). An ACK without data takes no number.",
    "data":
        "Data flows. Each byte has a number, and an ACK names the next byte expected, so it confirms all before it. "
        "What is not acknowledged before a timer runs out is sent again: positive acknowledgment with retransmission "
        "(PAR, section 3.8).",
    "ack":
        "{who} acknowledges all bytes before {ack}. An ACK without data takes no number and is never acknowledged.",
    "fin":
        "{who}'s program has called close() or shutdown(): a FIN says \"I have no more data\". Like a SYN it takes "
        "one number, {taken}, so that it can be acknowledged with {next} and sent again if it is lost (section 3.6).",
    "second fin":
        "Now {who} closes too. Its FIN takes number {taken}, so the ACK due is {next}.",
    "fin with ack":
        "{who} acknowledges the peer's FIN and sends its own in the same segment. Its FIN takes number "
        "{taken}; the ACK due is {next}.",
    "ack of fin":
        "{who} acknowledges the FIN with {ack}, one more than the FIN's number.",
    "rst":
        "A RST says that there is no such connection, or that it is given up at once. It is not acknowledged "
        "and not sent again (section 3.5.2).",
    "icmp":
        "A router or the host itself reports with ICMP that the segment could not be delivered (section 3.9.2.2).",
    # What is special about it.
    "syn-again":
        "No answer came in time, so {who} sends the very same SYN again: same ISN, same number. The wait doubles "
        "with every try, from about 1 s (RFC 6298). This is PAR at work for the handshake.",
    "syn-ack-again":
        "{who} has no ACK of its SYN, so it sends the same SYN-ACK again, waiting twice as long each time.",
    "fin-again":
        "{who} has no ACK of its FIN, so it sends the same FIN again, with the same number.",
    "data-again":
        "{who} sends bytes again that were not acknowledged in time (PAR, section 3.8.1).",
    "wrong-ack":
        "This ACK names a number that the peer cannot have sent. It acknowledges nothing (section 3.10.7).",
    "rst-ignored":
        "This RST lies outside the receiver's window. Anyone can forge a RST, so the receiver takes only "
        "one whose number fits, and ignores this one (section 3.10.7.4).",
    "rst-challenged":
        "This RST lies inside the window but is not the very next number: the receiver answers with a challenge ACK "
        "and stays as it is. A real sender would repeat its RST with the right number (RFC 5961).",
    "challenge-ack":
        "{who} sends a challenge ACK: \"if you mean it, reset me with this number\" (RFC 5961).",
    "rst-not-delivered":
        "The receiver goes on as before, so this RST never took effect.",
    "rst-forged":
        "The end that is named as the sender goes on as if nothing had been: somebody else sent this RST.",
    "data-after-close":
        "Data came for an end that had already closed: it can only answer with a RST (section 3.6.1).",
    "accept-queue-full":
        "The SYN-ACK comes again although the ACK has passed here: the accept queue is full, or the ACK was lost "
        "beyond this point.",
    "time-wait-again":
        "The FIN came again, so the last ACK was lost. {Who} answers again, and its wait of 2MSL starts "
        "anew. This is the first reason for TIME_WAIT.",
    # Steps of the state machine.
    "passive OPEN -> LISTEN":
        "{who} opens passively: CLOSED to LISTEN.",
    "snd SYN -> SYN_SENT":
        "{who} opens actively: its program has called connect(), the SYN is out, {from} becomes SYN_SENT "
        "(section 3.5).",
    "delete TCB -> CLOSED":
        "{who} gives its connection up: {from} to CLOSED.",
    "rcv SYN -> SYN_RECEIVED":
        "When the SYN arrives, {who} goes from {from} to SYN_RECEIVED: it remembers the peer's ISN and answers.",
    "SYN_SENT rcv SYN -> SYN_RECEIVED":
        "{who} sent a SYN and receives a SYN instead of a SYN-ACK: both opened at the same time. It goes from "
        "SYN_SENT to SYN_RECEIVED (section 3.5, Figure 7).",
    "rcv SYN,ACK -> ESTABLISHED":
        "{who} sees its SYN acknowledged and knows the peer's ISN: SYN_SENT to ESTABLISHED. Its connect() returns.",
    "rcv ACK of SYN -> ESTABLISHED":
        "When this arrives, {who} knows that its own SYN was taken: {from} to ESTABLISHED. A server's accept() "
        "returns.",
    "snd FIN -> FIN_WAIT_1":
        "{who} closes first (active close): {from} to FIN_WAIT_1. It will send no more data, but can still "
        "receive: the connection is half closed.",
    "snd FIN -> LAST_ACK":
        "With its FIN {who} goes from CLOSE_WAIT to LAST_ACK: only the ACK of this FIN is missing.",
    "rcv FIN -> CLOSE_WAIT":
        "When the FIN arrives, {who} goes from {from} to CLOSE_WAIT (passive close). Its program reads end of file, "
        "and may go on sending until it calls close() itself.",
    "rcv FIN -> CLOSING":
        "{who} has sent a FIN and now receives one that does not acknowledge it: the FINs have crossed. FIN_WAIT_1 "
        "to CLOSING (section 3.6, Figure 13).",
    "rcv FIN -> TIME_WAIT":
        "{who} has the peer's FIN: both directions are closed. {from} to TIME_WAIT, where it stays for 2MSL.",
    "rcv ACK of FIN -> FIN_WAIT_2":
        "{who}'s FIN is acknowledged: FIN_WAIT_1 to FIN_WAIT_2. Its direction is closed; it waits for the "
        "peer to close the other.",
    "rcv ACK of FIN -> TIME_WAIT":
        "{who}'s FIN is acknowledged and the peer's has come already: CLOSING to TIME_WAIT.",
    "rcv ACK of FIN -> CLOSED":
        "The last ACK has come: {who} goes from LAST_ACK to CLOSED and forgets the connection. The end that closes "
        "second need not wait.",
    "2MSL timeout -> CLOSED":
        "2MSL after the last ACK nothing of this connection can be on its way any more: {who} goes from TIME_WAIT "
        "to CLOSED. No segment shows this; the time is computed.",
    "rcv RST -> LISTEN":
        "The RST ends the half-made connection: {who} goes back from SYN_RECEIVED to LISTEN (Figure 5, Note 1).",
    "rcv RST -> CLOSED":
        "The RST ends the connection at once: {who} goes from {from} to CLOSED. Its program gets an error "
        "(ECONNRESET); data on its way is lost.",
    "SYN_SENT rcv RST -> CLOSED":
        "The RST acknowledges the SYN, so it is an answer to it: refused. {Who} goes from SYN_SENT to CLOSED, and "
        "connect() fails with ECONNREFUSED (section 3.10.7.3).",
    "TIME_WAIT rcv RST -> CLOSED":
        "The RST ends TIME_WAIT before its time. RFC 1337 warns of this: late segments can now meet a new "
        "connection.",
    "snd RST -> CLOSED":
        "{who} gives the connection up with a RST: {from} to CLOSED, without FIN and without TIME_WAIT.",
    "new SYN on the 4-tuple -> CLOSED":
        "A new connection takes the same addresses and ports, so {who}'s TIME_WAIT ends here. This is allowed "
        "when the new numbers lie above the old ones (section 3.6.1).",
    "rcv ICMP error -> CLOSED":
        "{who} takes the ICMP error as final: {from} to CLOSED, and connect() fails.",
    # What other programs show.
    "tcpdump": "tcpdump -n prints: {line}",
    "ss":
        "ss -tan shows {client_ss} on the client and {server_ss} on the server (netstat -tan: {client_netstat} and "
        "{server_netstat}).",
    "ss nothing": "ss -tan shows no socket of this connection on either host any more.",
    # How it opened.
    "opening three-way":
        "The opening was the three-way handshake: SYN, SYN-ACK, ACK.",
    "opening simultaneous":
        "The opening was simultaneous: two SYNs crossed, and one connection came of them, not two (Figure 7).",
    "opening split":
        "The opening was a split handshake: the server sent a bare SYN and the client completed it.",
    "opening refused":
        "The connection was refused: nothing listens on that port, or a filter answers in its place.",
    "opening unanswered":
        "Nobody answered: a filter drops the SYNs, or the host is not there. After its tries connect() fails with "
        "ETIMEDOUT, which no segment shows.",
    "opening half-open":
        "The server answered and was never acknowledged: the client is gone, or its address was forged. Many of "
        "these are a SYN flood.",
    "opening reset":
        "The handshake was broken off with a RST.",
    "opening mid-stream":
        "How it opened is not known: the capture begins later.",
    "opening failed":
        "The handshake was not completed.",
    # How it closed.
    "closing four-way":
        "Closing took four segments because each direction is closed by itself: FIN and ACK one way, FIN and ACK the "
        "other. Between the two FINs the peer may go on sending (half-close, section 3.6).",
    "closing three-segment":
        "Closing took three segments: the peer had nothing left to send, so its ACK and its FIN were one. In general "
        "it takes four, because each direction is closed by itself (section 3.6).",
    "closing simultaneous":
        "Both ends closed at the same time. Neither knows of the other's FIN when it sends its own, so both go "
        "through CLOSING and both wait in TIME_WAIT (Figure 13).",
    "closing half-closed":
        "Only one direction was closed. The other end stays in CLOSE_WAIT until its program calls close(); if it "
        "never does, that is a leak.",
    "closing reset":
        "The connection was ended by a RST: at once, without FIN, and nobody holds TIME_WAIT.",
    "closing fin-then-reset":
        "A FIN began to close the connection, and a RST ended it before it was done.",
    "closing unacknowledged":
        "A FIN was never acknowledged: its end waits, and sends it again, until it gives up.",
    "closing open":
        "The connection is still open where the capture ends.",
    "closing none":
        "There was nothing to close: the connection never opened.",
    # TIME_WAIT.
    "time-wait":
        "TIME_WAIT is held by the end that closed first, for 2MSL: twice the longest time that a segment can "
        "live on the network. First, if its last ACK is lost, the peer's FIN comes again and somebody must answer. "
        "Second, late segments of this connection must have died out before the same addresses and ports are used "
        "again (section 3.6.1).",
    "time-wait reuse":
        "{who}'s TIME_WAIT was ended by the new SYN of frame {frame}.",
    "time-wait reset":
        "{who}'s TIME_WAIT was ended by the RST of frame {frame}.",
    "time-wait expired":
        "{who}'s TIME_WAIT has run out: the capture goes on for 2MSL and shows nothing more.",
    "time-wait capture-end":
        "{who} is still in TIME_WAIT where the capture ends. ss would show it there until 2MSL is over; then it goes "
        "to CLOSED, which sends nothing.",
}  # fmt: skip
