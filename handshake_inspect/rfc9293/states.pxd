# The numbers of states.py's State and Event, for compiled code; a test holds the two together.

cdef enum:
    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10
    STATES = 11
    NO_STATE = 255

cdef enum:
    PASSIVE_OPEN = 0
    SND_SYN = 1
    DELETE_TCB = 2
    RCV_SYN = 3
    RCV_SYN_ACK = 4
    RCV_ACK_OF_SYN = 5
    SND_FIN = 6
    RCV_FIN = 7
    RCV_ACK_OF_FIN = 8
    RCV_RST = 9
    RCV_RST_OPENER = 10
    SND_RST = 11
    TIMEOUT_2MSL = 12
    NEW_SYN = 13
    RCV_ICMP = 14
    EVENTS = 15
