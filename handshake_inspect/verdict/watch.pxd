# What was told of a connection, beside its row in the tracker's table.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MOST_TOLD = 12          # steps of an endpoint that are remembered one by one; the last one stands for the rest

# Told.waits
cdef enum:
    TO_SETTLE = 1
    TO_EXPIRE = 2


cdef struct Told:
    uint64_t steps[2][MOST_TOLD]    # of the client, of the server: a hash of each, and one of its proof below it
    int64_t since_ns[2]             # when the state was entered
    uint64_t findings
    uint32_t number                 # of the connection that it is about: rows are used again
    uint32_t round                  # in which it was last compared
    uint8_t count[2]
    uint8_t state[2]
    uint8_t client                  # which endpoint that was
    uint8_t waits
    uint8_t there


# A connection that changed.
cdef struct Changed:
    uint64_t findings               # that are new
    uint32_t number
    uint8_t bits                    # CHANGED_ bits
    uint8_t count[2]                # steps that had been told of each side
    uint8_t kept[2]                 # of these, from the first on, still true
