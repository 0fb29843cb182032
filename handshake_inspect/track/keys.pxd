# What a segment is looked up by: the hash of its 4-tuple, and the signature that only copies of it have.
#
# All of it is made with random numbers, the tracker's multipliers, so that no input can aim at collisions.  Only the
# place among the recent segments is not: which ones are compared is the same in every run, as reports are.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.columns cimport FIN, OPTION_TIMESTAMPS, SYN, Segment


cdef extern from *:
    """
    #if defined(_MSC_VER) && defined(_M_X64)
    #include <intrin.h>
    #endif

    #define LOW 0xffffffffULL
    #define GOLDEN 0x9e3779b97f4a7c15ULL

    static inline uint64_t folded(uint64_t a, uint64_t b) {
    #if defined(__SIZEOF_INT128__)
        unsigned __int128 product = (unsigned __int128) a * b;
        return (uint64_t) product ^ (uint64_t) (product >> 64);
    #elif defined(_MSC_VER) && defined(_M_X64)
        uint64_t upper, lower = _umul128(a, b, &upper);
        return lower ^ upper;
    #else
        uint64_t low = (a & LOW) * (b & LOW), high = (a >> 32) * (b >> 32);
        uint64_t one = (a >> 32) * (b & LOW), other = (a & LOW) * (b >> 32);
        uint64_t middle = (low >> 32) + (one & LOW) + (other & LOW);
        return ((low & LOW) | middle << 32) ^ (high + (one >> 32) + (other >> 32) + (middle >> 32));
    #endif
    }
    """
    uint64_t LOW
    uint64_t GOLDEN
    # The upper half of the 128-bit product, xor its lower half.
    uint64_t folded(uint64_t a, uint64_t b) noexcept nogil


cdef enum:
    RECENT = 16384          # places among the recent segments
    NOT_TOLD_APART = 0      # a signature: the segment cannot be told from another
    # Multipliers, and where those of a second hash of the 4-tuple and of the signature begin.
    MULTIPLIERS = 28
    SECOND_HASH = 12
    OF_SIGNATURE = 24


cdef struct Key:
    uint64_t signature
    uint32_t tag            # upper half of the 4-tuple's hash
    uint16_t recent         # its place among the recent segments
    uint8_t side            # which endpoint of the row sent it


cdef struct Keys:
    Key* keys
    Py_ssize_t space
    Py_ssize_t count
    const Segment* rows     # whose keys these are


cdef inline int sender(const Segment* s) noexcept nogil:
    # Which endpoint of the row sent `s`: 0 has the lower address and port.  No branch where addresses have 32 bits:
    # which of the two is the lower one is as good as random.
    if s.family == 4:
        return (s.src_low << 16 | s.src_port) > (s.dst_low << 16 | s.dst_port)
    return s.src_high > s.dst_high or (
        s.src_high == s.dst_high and (s.src_low > s.dst_low or (s.src_low == s.dst_low and s.src_port > s.dst_port))
    )


cdef inline uint64_t hash_of(const Segment* s, int side, const uint64_t* m) noexcept nogil:
    # Hash the 4-tuple of `s`, sent by endpoint `side`: the same for both directions.
    #
    # Multilinear over 32-bit words (Lemire and Kaser): any two 4-tuples meet in the upper 32 bits as rarely as random
    # ones do.  That alone leaves addresses and ports that count up in equal steps, which now and then fall into one
    # heap; so the sum is mixed.
    cdef uint64_t h = m[0], a, b, a_high, b_high, ports, swap
    if s.family == 4:
        a, b = s.src_low << 16 | s.src_port, s.dst_low << 16 | s.dst_port
        # Swapped, or not, without a branch.
        swap = (a ^ b) & -<uint64_t> side
        a, b = a ^ swap, b ^ swap
        h += m[1] * (a & LOW) + m[2] * (a >> 32) + m[3] * (b & LOW) + m[4] * (b >> 32)
    else:
        a, b = (s.dst_low if side else s.src_low), (s.src_low if side else s.dst_low)
        a_high, b_high = (s.dst_high if side else s.src_high), (s.src_high if side else s.dst_high)
        ports = <uint64_t> (s.dst_port if side else s.src_port) << 16 | (s.src_port if side else s.dst_port)
        h += m[1] * (a & LOW) + m[2] * (b & LOW) + m[3] * ports
        h += m[4] * (a >> 32) + m[5] * (a_high & LOW) + m[6] * (a_high >> 32)
        h += m[7] * (b >> 32) + m[8] * (b_high & LOW) + m[9] * (b_high >> 32) + m[10]
    h = (h ^ (h >> 32)) * m[11]
    h = (h ^ (h >> 29)) * GOLDEN
    return h ^ (h >> 32)


cdef inline uint64_t signature_of(const Segment* s, uint64_t hashed, int side, const uint64_t* m) noexcept nogil:
    # What only copies of `s` have, or NOT_TOLD_APART.
    #
    # Without an IPv4 identification or timestamps two bare ACKs or RSTs may be equal and yet be two; they are not
    # taken for copies.  Two products of sums with random numbers (NH, RFC 4418 section 5.2): no segment can be made
    # to pass for a copy of another.
    cdef uint64_t mark = s.ip_id, rest
    if mark == 0:
        if s.options & OPTION_TIMESTAMPS:
            mark = s.ts_value | <uint64_t> s.ts_echo << 32
        elif s.length == 0 and not s.flags & (SYN | FIN):
            return NOT_TOLD_APART
    rest = <uint64_t> s.length << 32 | <uint64_t> s.flags << 17 | <uint64_t> s.checksum << 1 | <uint64_t> side
    return folded(hashed + m[0], (<uint64_t> s.seq << 32 | s.ack) + m[1]) + folded(mark + m[2], rest + m[3])


cdef inline uint16_t recent_place(const Segment* s) noexcept nogil:
    # Where among the recent segments `s` and its copies are.
    cdef uint64_t mark = (<uint64_t> s.seq << 32 | s.ack) ^ (<uint64_t> s.ip_id << 16 | s.checksum) * GOLDEN
    mark = (mark ^ (mark >> 32)) * GOLDEN
    return <uint16_t> ((mark >> 40) & (RECENT - 1))


cdef inline void find_keys(Key* keys, const Segment* rows, Py_ssize_t count, const uint64_t* m) noexcept nogil:
    # Fill the keys of `count` segments.
    cdef Py_ssize_t i
    cdef int side
    cdef uint64_t hashed
    for i in range(count):
        side = sender(&rows[i])
        hashed = hash_of(&rows[i], side, m)
        keys[i].tag = <uint32_t> (hashed >> 32)
        keys[i].side = <uint8_t> side
        keys[i].recent = recent_place(&rows[i])
        keys[i].signature = signature_of(&rows[i], hashed, side, m + OF_SIGNATURE)
