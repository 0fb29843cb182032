# What the tables of a report are made of: one Row for each judged connection, one StepRow for each transition.
# Of two values, the first is the client's (or what it sent), the second the server's.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.verdict.replay cimport Replay


cdef struct Row:
    uint64_t high[2]                # addresses as in Segment
    uint64_t low[2]
    int64_t first_time_ns
    int64_t last_time_ns
    uint64_t first_frame
    uint64_t last_frame
    int64_t server_side_ns          # NEVER: not known
    int64_t client_side_ns
    uint64_t bytes[2]
    uint64_t after_fin[2]
    int64_t stay_start_ns[2]        # NEVER: no stay in TIME_WAIT
    int64_t stay_at_least_ns[2]     # NEVER: no such bound
    int64_t stay_at_most_ns[2]
    uint64_t findings               # bit n: FINDINGS row n
    uint32_t number
    uint32_t refusals
    uint32_t isn[2]                 # valid with HAS_ISN
    uint32_t segments[2]
    uint32_t data_retransmissions[2]
    uint32_t duplicates[2]
    uint32_t missing[2]
    uint16_t flags[2]               # Flow.flags
    uint16_t syns[2]
    uint16_t syn_acks[2]
    uint16_t fins[2]
    uint16_t mss[2]
    uint16_t port[2]
    uint16_t incarnation
    uint8_t window_scale[2]
    uint8_t options[2]
    uint8_t stay_end[2]             # number of TIME_WAIT_ENDS, NO_WORD without a stay
    uint8_t state[2]                # NO_STATE
    uint8_t family
    uint8_t guessed
    uint8_t completeness
    uint8_t opening
    uint8_t opening_certainty
    uint8_t closing
    uint8_t closed_first            # NOBODY
    uint8_t reset_by                # NOBODY
    uint8_t reset_in_state          # NO_STATE
    uint8_t severity
    uint8_t checks
    uint8_t failed_checks


cdef struct StepRow:
    int64_t time_ns
    uint64_t frame                  # 0: none
    uint64_t earliest_frame
    uint64_t confirmed_by
    uint32_t connection
    uint8_t endpoint
    uint8_t before
    uint8_t after
    uint8_t event
    uint8_t certainty

cdef enum:
    NO_WORD = 255

cdef void fill_row(Row* row, Replay* r, Py_ssize_t number) noexcept nogil
cdef void fill_steps(StepRow* rows, Replay* r, Py_ssize_t number) noexcept nogil
