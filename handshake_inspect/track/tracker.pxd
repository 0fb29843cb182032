from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

from handshake_inspect.columns cimport Segment
from handshake_inspect.track.embryo cimport Embryo
from handshake_inspect.track.gone cimport Gone
from handshake_inspect.track.keys cimport MULTIPLIERS, Key, Keys
from handshake_inspect.track.table cimport Connection, Kept, Rare, RareFlow


cdef struct Slot:
    uint32_t tag            # Key.tag
    uint32_t place          # of the newest incarnation: row + 1, EMBRYO | number, GONE | number; 0: free


# The last segments seen anywhere, to tell mirrored copies from retransmissions.
cdef struct Recent:
    uint64_t signature
    int64_t time_ns


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define prefetch(address) __builtin_prefetch(address)
    #else
    #define prefetch(address) ((void)(address))
    #endif
    """
    void prefetch(const void* address) noexcept nogil


cdef class Tracker:
    cdef Connection* connections    # in the order in which they were more than a SYN
    cdef Kept* evidence
    cdef Rare* rare
    cdef Rare no_rare               # what a connection without a Rare row has
    cdef Rare lost_rare             # where that goes for which memory is out
    cdef bint out_of_memory
    cdef Embryo* embryos
    cdef uint32_t* places           # of each connection, in the order of first segments: row + 1, EMBRYO | number; 0: left
    cdef uint32_t* numbers          # of the connection at each of the places, NULL while none has left: both are the same
    cdef Gone* gone
    cdef Slot* slots
    cdef Recent* recent
    cdef Keys keys                  # of the rows being tracked
    cdef Keys looked_up[2]          # of those that come next, where there was time for it
    cdef readonly Py_ssize_t connection_count
    cdef readonly Py_ssize_t place_count
    cdef readonly Py_ssize_t left_count     # of the connections, those that have left
    cdef readonly int64_t last_ns           # time of the segment that was tracked last
    cdef readonly uint64_t late_count       # segments that came for one that had left
    cdef readonly Py_ssize_t row_count
    cdef readonly Py_ssize_t embryo_count
    cdef readonly Py_ssize_t evidence_count
    cdef readonly Py_ssize_t evidence_bound
    cdef Py_ssize_t place_space
    cdef Py_ssize_t row_space
    cdef Py_ssize_t embryo_space
    cdef Py_ssize_t embryos_laid
    cdef uint32_t free_embryo       # number + 1 of one that is free, 0: none
    cdef Py_ssize_t evidence_space
    cdef Py_ssize_t rare_count
    cdef Py_ssize_t rare_space
    cdef uint32_t free_rare         # index + 1 of a row that is free, its `next` leads to the next; 0: none
    cdef uint32_t free_row          # row + 1 of one that is free, its `number` leads to the next; 0: none
    cdef uint32_t free_evidence     # index + 1 of a row that is free, its `next` leads to the next; 0: none
    cdef uint32_t free_gone
    cdef uint32_t first_gone        # index + 1 of the LISTED row that left first
    cdef uint32_t last_gone
    cdef readonly Py_ssize_t gone_count     # rows that are LISTED
    cdef Py_ssize_t gone_laid
    cdef Py_ssize_t gone_space
    cdef Connection compared[2]     # a Gone row as connections: its newest, its older
    cdef uint64_t slot_mask
    cdef int slot_shift             # of a tag, to its home
    cdef uint64_t farthest          # that an entry may stand behind its home
    cdef Py_ssize_t tuples
    cdef uint64_t multipliers[MULTIPLIERS]
    cdef uint32_t last_number       # the connection of the segment that was tracked last

    cdef int64_t row_of(self, Py_ssize_t position) noexcept nogil
    cdef uint32_t number_of(self, Py_ssize_t position) noexcept nogil
    cdef uint64_t frame_of_older(self, const Connection* c) noexcept nogil
    cdef void keys_of(self, const Connection* c, Gone* g) noexcept nogil
    cdef int _after_gone(self, Segment* segment, int side, Key* key, Slot* slot) noexcept nogil
    cdef int _track(self, Segment* segment, Key* key, bint wanted) noexcept nogil
    cdef int _begin(self, Segment* segment, int side, Key* key, uint64_t at) noexcept nogil
    cdef int _grow_slots(self) noexcept nogil


# The slot where a search for `tag` begins.
cdef inline uint64_t home_of(Tracker t, uint32_t tag) noexcept nogil:
    return tag >> t.slot_shift


# What a connection has of what few have; not to be written to.
cdef inline Rare* rare_of(Tracker t, const Connection* c) noexcept nogil:
    return &t.rare[c.rare - 1] if c.rare else &t.no_rare
