# What the kernel and this process hand a block to each other by: one word, read and written in order with the rest.

from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(__GNUC__) || defined(__clang__)
    static uint32_t taken_word(const void* word) { return __atomic_load_n((const uint32_t*) word, __ATOMIC_ACQUIRE); }
    static void give_word(void* word, uint32_t value) { __atomic_store_n((uint32_t*) word, value, __ATOMIC_RELEASE); }
    #else
    static uint32_t taken_word(const void* word) { return *(const volatile uint32_t*) word; }
    static void give_word(void* word, uint32_t value) { *(volatile uint32_t*) word = value; }
    #endif
    """
    uint32_t taken_word(const void* word) noexcept nogil
    void give_word(void* word, uint32_t value) noexcept nogil
