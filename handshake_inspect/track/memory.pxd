# Memory for the tracker's tables, which double as they grow.
#
# A page fault costs more than what is then written to 4 KiB, and a copy of a table more than both.  On Linux a large
# table is a mapping of its own, of 2 MiB pages, which grows without a copy.  Elsewhere it is malloc's.

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif

    #if defined(MADV_HUGEPAGE) && defined(MREMAP_FIXED)
    #define HUGE_PAGE ((size_t) 1 << 21)

    /* Addresses for `size` bytes, a multiple of HUGE_PAGE, that begin at a multiple of it.  NULL: there are none. */
    static char* mapped(size_t size) {
        char* memory = (char*) mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        size_t before;
        if (memory == (char*) MAP_FAILED) return NULL;
        before = (HUGE_PAGE - (uintptr_t) memory % HUGE_PAGE) % HUGE_PAGE;
        if (before) munmap(memory, before);
        munmap(memory + before + size, HUGE_PAGE - before);
        madvise(memory + before, size, MADV_HUGEPAGE);
        return memory + before;
    }

    static size_t whole_pages(size_t size) { return (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1); }

    static inline void given_back(void* memory, size_t size) {
        if (size < HUGE_PAGE) free(memory);
        else if (memory) munmap(memory, whole_pages(size));
    }

    static void* zeroed(size_t size) {
        return size < HUGE_PAGE ? calloc(1, size) : mapped(whole_pages(size));
    }

    static void* resized(void* memory, size_t old, size_t size) {
        char* grown;
        if (size < HUGE_PAGE) return realloc(memory, size);
        grown = mapped(whole_pages(size));
        if (!grown) return NULL;
        if (old < HUGE_PAGE) {
            memcpy(grown, memory, old);
            free(memory);
        } else if (mremap(memory, whole_pages(old), whole_pages(size), MREMAP_MAYMOVE | MREMAP_FIXED, grown) != grown) {
            munmap(grown, whole_pages(size));
            return NULL;
        }
        return grown;
    }
    #else
    static inline void given_back(void* memory, size_t size) { (void) size; free(memory); }
    static void* zeroed(size_t size) { return calloc(1, size); }
    static void* resized(void* memory, size_t old, size_t size) { (void) old; return realloc(memory, size); }
    #define HUGE_PAGE ((size_t) -1)
    #endif

    static void* resized_zeroed(void* memory, size_t old, size_t size) {
        char* grown = (char*) resized(memory, old, size);
        /* A mapping comes with zeros. */
        if (grown && size < HUGE_PAGE) memset(grown + old, 0, size - old);
        return grown;
    }
    """
    # `size` bytes, all 0; NULL: memory is out.
    void* zeroed(size_t size) noexcept nogil
    # As realloc, of `old` bytes to at least as many: NULL, and the old ones stay, when memory is out.
    void* resized(void* memory, size_t old, size_t size) noexcept nogil
    # As free, of the `size` bytes last asked for.
    void given_back(void* memory, size_t size) noexcept nogil
    # As resized, to more bytes: what is new is 0.
    void* resized_zeroed(void* memory, size_t old, size_t size) noexcept nogil


cdef inline void* doubled(void* memory, Py_ssize_t rows, size_t row) noexcept nogil:
    # A table of `rows` rows, `row` bytes each, with twice as many.
    return resized(memory, rows * row, 2 * rows * row)
