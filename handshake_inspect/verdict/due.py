"""A queue of connections that are to be looked at again at a time."""

import cython
from cython.cimports.handshake_inspect.verdict.due import Due
from cython.cimports.libc.stdlib import free, realloc


@cython.cclass
class Queue:
    """Connections to look at again, nearly in the order of their times; grows as it must."""

    def __dealloc__(self):
        free(self.rows)

    def put(self, due_ns, row, number):
        """Add one, behind all others."""
        i: cython.Py_ssize_t
        grown: cython.pointer(Due)
        space: cython.Py_ssize_t = self.space * 2 if self.space else 1024
        if self.count == self.space:
            grown = cython.cast(cython.pointer(Due), realloc(self.rows, space * cython.sizeof(Due)))
            if grown == cython.NULL:
                raise MemoryError
            # What had wrapped around goes behind the old end.
            for i in range(self.first):
                grown[self.space + i] = grown[i]
            self.rows = grown
            self.space = space
        i = (self.first + self.count) % self.space
        self.rows[i].due_ns = due_ns
        self.rows[i].row = row
        self.rows[i].number = number
        self.count += 1

    def take(self):
        """Return the first one and remove it; there is one."""
        due: Due = self.rows[self.first]
        self.first = (self.first + 1) % self.space
        self.count -= 1
        return due
