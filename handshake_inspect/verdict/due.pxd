from libc.stdint cimport int64_t, uint32_t


# A connection to look at again at a time.
cdef struct Due:
    int64_t due_ns
    uint32_t row
    uint32_t number


cdef class Queue:
    cdef Due* rows
    cdef Py_ssize_t space
    cdef Py_ssize_t first
    cdef Py_ssize_t count

    cdef put(self, int64_t due_ns, uint32_t row, uint32_t number)
    cdef Due take(self)
