# The scratch pad on which one connection at a time is judged.  Endpoint 0 is the client here, 1 the server.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.track.table cimport Connection, Evidence, Flow, RareFlow
from handshake_inspect.track.tracker cimport Tracker

cdef enum:
    MOST_EVIDENCE = 64
    MOST_STEPS = 160
    MOST_NOTES = 48
    MOST_RESTARTS = 32
    MOST_LOSSES = 64
    NEVER = -1

# Certainty, weakest first.
cdef enum:
    ASSUMED = 0
    INFERRED = 1
    CONFIRMED = 2
    OBSERVED = 3

# What became of a RST at the endpoint that it was sent to.
cdef enum:
    RST_NONE = 0
    RST_TAKEN = 1
    RST_REFUSAL = 2         # it answers a SYN
    RST_IGNORED = 3         # outside the window
    RST_CHALLENGED = 4      # inside the window, not at RCV.NXT
    RST_NOT_DELIVERED = 5   # its receiver went on
    RST_FORGED = 6          # the endpoint that it names went on
    RST_STRAY = 7           # met an endpoint with nothing to reset


# One transition of one endpoint.
cdef struct Step:
    int64_t time_ns
    uint64_t frame
    uint64_t earliest_frame # 0: none
    uint64_t confirmed_by   # 0: none
    uint8_t before
    uint8_t after
    uint8_t event
    uint8_t certainty


# One finding, with the frames and the numbers for its sentence.
cdef struct Note:
    uint64_t frames[4]      # 0: none
    int64_t a
    int64_t b
    uint8_t finding
    uint8_t endpoint        # 0, 1, NOBODY


# Frames that the capture lost, at some time between two.
cdef struct Loss:
    int64_t first_ns
    int64_t last_ns
    int64_t frames


# A stay in TIME_WAIT.
cdef struct Stay:
    uint64_t frame
    uint64_t restarts[MOST_RESTARTS]
    uint64_t end_frame
    int64_t start_ns
    int64_t last_start_ns
    int64_t last_sign_ns
    int64_t at_least_ns     # NEVER: no such bound
    int64_t at_most_ns
    uint8_t present
    uint8_t restart_count
    uint8_t end             # number of TIME_WAIT_ENDS


cdef struct Check:
    uint64_t frame
    uint32_t expected
    uint32_t seen
    uint8_t name            # number of CHECK_NAMES
    uint8_t ok


cdef struct Replay:
    Connection* connection
    Flow* flow[2]
    RareFlow* rare[2]                       # zeros, where the connection has none of it
    uint16_t evidence_dropped
    Evidence* evidence[MOST_EVIDENCE]       # in the order that they are looked at
    Evidence rows[MOST_EVIDENCE]            # in the order of the capture
    uint8_t sender[MOST_EVIDENCE]
    uint8_t rst_fate[MOST_EVIDENCE]
    uint8_t receiver_state[MOST_EVIDENCE]   # state of the endpoint that a RST met
    int count
    Step steps[2][MOST_STEPS]
    int step_count[2]
    uint8_t first_state[2]
    uint8_t state[2]
    uint8_t established[2]      # was ever ESTABLISHED or beyond
    uint8_t opening_certainty[2]
    uint8_t one_sided           # the other endpoint's segments are not in the capture
    uint8_t guessed
    int refusals
    int closing_rst             # evidence number of the RST that ended it, or -1
    int first_fin[2]            # evidence number of the first copy, or -1
    int fin_proof[2]            # evidence number of the peer's first ACK of it, or -1
    uint8_t opening
    uint8_t closing
    uint8_t closed_first
    uint64_t opening_frames[4]
    uint64_t closing_frames[6]
    int64_t server_side_ns
    int64_t client_side_ns
    Stay stay[2]
    Check checks[12]
    int check_count
    Note notes[MOST_NOTES]
    int note_count
    int64_t capture_end_ns
    int64_t two_msl_ns
    Loss losses[MOST_LOSSES]
    int loss_count

cdef uint8_t NEXT_STATE[165]     # STATES rows of EVENTS

cdef void replay(Replay* r, Tracker t, Py_ssize_t row) noexcept nogil
cdef bint step(Replay* r, int side, int event, Evidence* e, int certainty, uint64_t confirmed_by) noexcept nogil
cdef bint step_at(Replay* r, int side, int event, int64_t time_ns, uint64_t frame, int certainty) noexcept nogil
cdef void note(Replay* r, int finding, int endpoint, uint64_t frame, uint64_t second, int64_t a, int64_t b) noexcept nogil
cdef bint acks_syn(Replay* r, Evidence* e, int side) noexcept nogil
cdef bint hard_icmp(int family, int kind, int code) noexcept nogil
cdef bint acks_fin(Replay* r, Evidence* e, int side) noexcept nogil
