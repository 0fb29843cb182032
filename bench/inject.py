"""Frames for a device's receiving side, made in the kernel: faster than any sender in user space.

A small eBPF program copies the next frame of a conversation over each frame that the kernel's test run of XDP programs
brings, gives it a client of its own, and passes it on to the device, as if it had arrived (Linux 5.18,
Documentation/bpf/bpf_prog_run.rst, "live packet mode").
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
from collections.abc import Sequence

BPF = {"x86_64": 321, "aarch64": 280}
"""The number of the system call bpf(2)."""
MAP_CREATE, MAP_UPDATE, PROG_LOAD, PROG_RUN = 0, 2, 5, 10
ARRAY, XDP = 2, 6
LIVE_FRAMES = 2
LENGTH = 160
"""Bytes of every frame; an IP packet in it may be shorter."""
LOOK_UP = 1
AT_ONCE_S = 0.1

CLIENT_ADDRESS, CLIENT_PORT = (28, 32), (34, 36)
"""Where the client's address (its lower half) and port stand, when it is the source and when the destination."""
IDENTIFICATION, WINDOW, URGENT, DIRECTION = 18, 48, 52, 159
FIRST_PORT, FULL_WINDOW = 1024, 64240


def call(command: int, attributes: bytes) -> int:
    """The system call bpf(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes + bytes(160 - len(attributes)), 160)
    result = libc.syscall(BPF[os.uname().machine], command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def address_of(data: bytes) -> tuple[int, object]:
    """Return where a copy of `data` lies, and the copy, to be held."""
    held = ctypes.create_string_buffer(data, len(data))
    return ctypes.addressof(held), held


def op(code: int, to: int = 0, by: int = 0, offset: int = 0, number: int = 0) -> bytes:
    """One instruction."""
    return struct.pack("<BBhi", code, by << 4 | to, offset, number)


def with_map(to: int, descriptor: int) -> bytes:
    """Load the address of a map, which takes two instructions."""
    return op(0x18, to, 1, 0, descriptor) + op(0)


class Injector:
    """Frames of one conversation after the other, each `LENGTH` bytes, on the device `name`.

    `steps` are (frame, whether the client is its destination).  The client's address changes by its lower 16 bits and
    then its port by 1; the identification and the urgent pointer (0 in each frame) and the window (FULL_WINDOW) take
    the opposite change, so that every checksum stays right.
    """

    def __init__(self, name: str, steps: Sequence[tuple[bytes, bool]]) -> None:
        self._device = socket.if_nametoindex(name)
        frames = call(MAP_CREATE, struct.pack("<IIII", ARRAY, 4, LENGTH, len(steps)))
        for number, (frame, to_client) in enumerate(steps):
            value = frame + bytes(DIRECTION - len(frame)) + bytes([to_client])
            key_at, key = address_of(struct.pack("<I", number))
            value_at, held = address_of(value)
            call(MAP_UPDATE, struct.pack("<IIQQQ", frames, 0, key_at, value_at, 0))
            del key, held
        counter = call(MAP_CREATE, struct.pack("<IIII", ARRAY, 4, 8, 1))
        self._program = self._load(program(frames, counter, len(steps)))

    def _load(self, code: bytes) -> int:
        code_at, code_held = address_of(code)
        licence_at, licence_held = address_of(b"GPL\0")
        log = ctypes.create_string_buffer(1 << 16)
        told = ctypes.addressof(log)
        attributes = struct.pack("<IIQQIIQ", XDP, len(code) // 8, code_at, licence_at, 1, len(log), told)
        try:
            return call(PROG_LOAD, attributes)
        except OSError as problem:
            raise SystemExit(f"{problem}\n{log.value.decode()}") from None
        finally:
            del code_held, licence_held

    def run(self, rate: int, total: int) -> float:
        """Bring `total` frames at `rate` a second on average (0: as fast as it goes); return the seconds it took."""
        data_at, data = address_of(bytes(LENGTH))
        context_at, context = address_of(struct.pack("<IIIIII", 0, LENGTH, 0, self._device, 0, 0))
        begin = time.perf_counter()
        done = 0
        while done < total:
            count = min(total - done, int((rate or 400_000) * AT_ONCE_S))
            call(PROG_RUN, struct.pack(
                "<IIIIQQIIIIQQIII", self._program, 0, LENGTH, 0, data_at, 0, count, 0, 24, 0, context_at, 0,
                LIVE_FRAMES, 0, 64,
            ))  # fmt: skip
            done += count
            if rate:
                time.sleep(max(0.0, begin + done / rate - time.perf_counter()))
        del data, context
        return time.perf_counter() - begin


def program(frames: int, counter: int, steps: int) -> bytes:
    """The program: r6 the packet, r7 the number of the frame, r8 the one to copy, r9 the conversation's number."""
    code = [
        op(0x61, 6, 1, 0), op(0x61, 2, 1, 4), op(0xBF, 3, 6), op(0x07, 3, number=LENGTH), op(0x2D, 3, 2, 999),
        # r7 = the counter, which goes up by one
        op(0x62, 10, 0, -4, 0), with_map(1, counter), op(0xBF, 2, 10), op(0x07, 2, number=-4), op(0x85, number=LOOK_UP),
        op(0x15, 0, 0, 999), op(0x79, 7, 0), op(0xBF, 1, 7), op(0x07, 1, number=1), op(0x7B, 0, 1),
        op(0xBF, 9, 7), op(0x37, 9, number=steps), op(0x97, 7, number=steps), op(0x63, 10, 7, -4),
        # r8 = the frame to copy
        with_map(1, frames), op(0xBF, 2, 10), op(0x07, 2, number=-4), op(0x85, number=LOOK_UP), op(0x15, 0, 0, 999),
        op(0xBF, 8, 0),
        *(each for at in range(0, LENGTH, 8) for each in (op(0x79, 1, 8, at), op(0x7B, 6, 1, at))),
        # r1 = the client's address, r2 = what takes the opposite change, r3 = its port, r4 = the window
        op(0xBF, 1, 9), op(0x57, 1, number=0xFFFF), op(0xBF, 2, 1), op(0xA7, 2, number=-1),
        op(0x6B, 6, 2, IDENTIFICATION), op(0x6B, 6, 2, URGENT),
        op(0x77, 9, number=16), op(0xBF, 3, 9), op(0x07, 3, number=FIRST_PORT), op(0xDC, 3, number=16),
        op(0xB7, 4, number=FULL_WINDOW), op(0x1F, 4, 9), op(0xDC, 4, number=16), op(0x6B, 6, 4, WINDOW),
        op(0x71, 5, 8, DIRECTION), op(0x55, 5, 0, 3, 0),
        op(0x6B, 6, 1, CLIENT_ADDRESS[0]), op(0x6B, 6, 3, CLIENT_PORT[0]), op(0x05, offset=2),
        op(0x6B, 6, 1, CLIENT_ADDRESS[1]), op(0x6B, 6, 3, CLIENT_PORT[1]),
        op(0xB7, 0, number=2), op(0x95),
    ]  # fmt: skip
    flat = [each[at : at + 8] for each in code for at in range(0, len(each), 8)]
    end = len(flat) - 2
    return b"".join(
        each[:2] + struct.pack("<h", end - place - 1) + each[4:] if each[2:4] == struct.pack("<h", 999) else each
        for place, each in enumerate(flat)
    )
