# Memory for the tracker's tables, which grow a row at a time.
#
# A small table is malloc's and doubles.  On Linux a large one is a reservation of addresses that is filled as it grows,
# 2 MiB at a time, so it is never copied and never moves, unless it outgrows what there was to reserve.
#
# A page fault costs more than what is then written to 4 KiB, so pages are asked for before they are written to, and as
# one page of 2 MiB where that is fast.  In a virtual machine whose host takes free memory back (free page reporting) it
# is not: the host has each of the 512 pages to find anew, which takes it milliseconds.  It does not take back blocks of
# less than 2 MiB, and small pages come from those.

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #if defined(__linux__)
    #include <errno.h>
    #include <sys/mman.h>
    #include <time.h>
    #endif

    #if defined(__linux__) && defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xffffffff
    #define HUGE_PAGE ((size_t) 1 << 21)
    #define LARGE ((size_t) 1 << 20)        /* a table of more bytes is a reservation */
    #define RESERVED ((size_t) 1 << 36)
    #define GRAIN ((size_t) 1 << 16)        /* a whole number of pages, whatever their size */
    #define SLOW_NS 1500000
    #define PATIENCE 8
    #define PATIENCE_MOST 64
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23
    #endif

    /* In front of a reservation, in a page of its own: where it begins and how long it is. */
    struct reservation { char* begin; size_t size; };
    #define reservation_of(memory) ((struct reservation*) (memory) - 1)

    /* Pages are small for so many blocks of 2 MiB; then a huge one is tried again, and `patience` is doubled when it
       takes more than SLOW_NS. */
    static unsigned small_blocks = 0;
    static unsigned patience = PATIENCE;

    static int64_t clock_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
    }

    static size_t up_to(size_t size, size_t step) { return (size + step - 1) & ~(step - 1); }

    /* Put pages, all 0, at the addresses from `at` to `end`, both multiples of GRAIN; 0: memory is out. */
    static int filled(char* at, char* end) {
        if (mprotect(at, end - at, PROT_READ | PROT_WRITE)) return 0;
        while (at < end) {
            size_t size = end - at < (ptrdiff_t) HUGE_PAGE ? (size_t) (end - at) : HUGE_PAGE;
            int huge = size == HUGE_PAGE && !small_blocks;
            int64_t began = clock_ns();
            madvise(at, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
            /* Before Linux 5.14 it is not known (EINVAL), and the pages come when they are written to. */
            if (madvise(at, size, MADV_POPULATE_WRITE) && errno != EINVAL) return 0;
            if (huge && clock_ns() - began > SLOW_NS) {
                small_blocks = patience;
                patience = patience < PATIENCE_MOST ? 2 * patience : PATIENCE_MOST;
            } else if (huge) {
                patience = PATIENCE;
            } else if (small_blocks && size == HUGE_PAGE) {
                small_blocks--;
            }
            at += size;
        }
        return 1;
    }

    static char* addresses(size_t length) {
        void* begin = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return begin == MAP_FAILED ? NULL : (char*) begin;
    }

    /* `size` bytes, all 0, in a reservation of RESERVED, or of `least` where that is too much; NULL: memory is out. */
    static char* reserved(size_t size, size_t least) {
        size_t length = least > RESERVED ? least : RESERVED;
        char* begin = addresses(length);
        char* memory;
        if (!begin) begin = addresses(length = least);
        if (!begin) return NULL;
        memory = (char*) up_to((size_t) begin + GRAIN, HUGE_PAGE);
        if (!filled(memory - GRAIN, memory) || !filled(memory, memory + up_to(size, GRAIN))) {
            munmap(begin, length);
            return NULL;
        }
        reservation_of(memory)->begin = begin;
        reservation_of(memory)->size = length;
        return memory;
    }

    static void given_back(void* memory, size_t size) {
        if (size <= LARGE) free(memory);
        else munmap(reservation_of(memory)->begin, reservation_of(memory)->size);
    }

    static void* resized(void* memory, size_t old, size_t size) {
        char* at = (char*) memory;
        char* grown;
        if (size <= LARGE) return realloc(memory, size);
        if (old > LARGE && at + up_to(size, GRAIN) <= reservation_of(memory)->begin + reservation_of(memory)->size)
            return filled(at + up_to(old, GRAIN), at + up_to(size, GRAIN)) ? memory : NULL;
        grown = reserved(size, 2 * size + 2 * HUGE_PAGE);
        if (!grown) return NULL;
        memcpy(grown, memory, old);
        given_back(memory, old);
        return grown;
    }

    /* Twice as many, or where that is a reservation whole huge pages: a sixteenth more, and at least one. */
    static size_t more_bytes(size_t size) {
        return 2 * size <= LARGE ? 2 * size : up_to(size + size / 16, HUGE_PAGE);
    }
    #else
    #define LARGE ((size_t) -1)
    static void given_back(void* memory, size_t size) { (void) size; free(memory); }
    static void* resized(void* memory, size_t old, size_t size) { (void) old; return realloc(memory, size); }
    static size_t more_bytes(size_t size) { return 2 * size; }
    #endif

    static void* resized_zeroed(void* memory, size_t old, size_t size) {
        char* grown = (char*) resized(memory, old, size);
        /* A reservation is filled with zeros. */
        if (grown && size <= LARGE) memset(grown + old, 0, size - old);
        return grown;
    }

    static size_t more(void** table, size_t rows, size_t row) {
        size_t enough = rows ? more_bytes(rows * row) / row : 1024;
        void* memory;
        /* Not through a pointer to void: the table's own pointer has another type. */
        memcpy(&memory, table, sizeof memory);
        memory = resized(memory, rows * row, enough * row);
        if (!memory) return 0;
        memcpy(table, &memory, sizeof memory);
        return enough;
    }
    """
    # As realloc, to `size` bytes, more than the `old` ones: what is new is 0.  NULL, and the old ones stay, when memory
    # is out.
    void* resized_zeroed(void* memory, size_t old, size_t size) noexcept nogil
    # As free, of the `size` bytes last asked for.
    void given_back(void* memory, size_t size) noexcept nogil
    # Make the table at a pointer larger, of `rows` rows of `row` bytes each, and return how many it has now; 0 when
    # memory is out.
    size_t more(void** table, size_t rows, size_t row) noexcept nogil
