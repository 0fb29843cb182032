"""The filter that runs in the kernel: which frames reach this process at all, as classic BPF.

The default needs no libpcap: it asks the kernel what a frame's protocol is and where its IP header begins, so it is the
same for every kind of device.  An expression of the user's is compiled by libpcap, once for each kind of device.

Source: Documentation/networking/filter.rst; the numbers are those of include/uapi/linux/filter.h.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Instruction = tuple[int, int, int, int]
"""Code, instructions to skip when true and when false, and the operand."""

Program = list[Instruction]

LOAD_WORD, LOAD_HALF, LOAD_BYTE = 0x20, 0x28, 0x30
LOAD_HEADER_LENGTH, LOAD_BYTE_BEHIND_IT = 0xB1, 0x50
JUMP, JUMP_EQUAL, RETURN = 0x05, 0x15, 0x06
CLASS = 0x07

# Operands of a load that stand for what the kernel knows of a frame, and for where its IP header begins.
PROTOCOL, PACKET_TYPE, DEVICE, DEVICE_TYPE = (0xFFFFF000 + place for place in (0, 4, 8, 28))
IP_HEADER = 0xFFF00000

OUTGOING = 4
LOOPBACK = 772
ETHERNET_DEVICES = (1, LOOPBACK)
ETHERNET_HEADER = 14

IPV4, IPV6 = 0x0800, 0x86DD
IPV4_PROTOCOL, IPV6_NEXT_HEADER, IPV6_HEADER = 9, 6, 40
TCP, ICMP, ICMPV6 = 6, 1, 58
ICMP_ERRORS, ICMPV6_ERRORS = (3, 4, 5, 11, 12), (1, 2, 3, 4)
WRAPPED = (0x8100, 0x88A8, 0x9100, 0x8847, 0x8848, 0x8864)
"""VLAN tags, MPLS and PPPoE: what they carry is looked at in this process, not in the kernel."""
EXTENSIONS = (0, 43, 44, 51, 60)
"""IPv6 headers that TCP can stand behind: hop-by-hop, routing, fragment, authentication, destination options."""


class Jump(NamedTuple):
    """Go on at a label: always, or when what was loaded is `value`."""

    label: str
    value: int | None = None


Line = Instruction | Jump | str
"""A line of a program before it is placed; a text is a label."""

NOTHING: Program = [(RETURN, 0, 0, 0)]


def everything(snaplen: int) -> Program:
    """Return the filter that takes every frame, cut to `snaplen` bytes."""
    return [(RETURN, 0, 0, snaplen)]


def tcp_only(snaplen: int) -> Program:
    """Return the default filter: TCP with all its fragments, ICMP errors, and wrapped frames, cut to `snaplen` bytes.

    An IP fragment names its protocol whatever part it is, so the later ones pass as well.
    """
    return placed([
        (LOAD_HALF, 0, 0, DEVICE_TYPE),
        *(Jump("ethernet", device) for device in ETHERNET_DEVICES),
        *_by_protocol("other", IP_HEADER),
        "ethernet",
        *_by_protocol("ethernet", ETHERNET_HEADER),
        "drop",
        (RETURN, 0, 0, 0),
        "take",
        (RETURN, 0, 0, snaplen),
    ])  # fmt: skip


def _by_protocol(name: str, header: int) -> list[Line]:
    """Take or drop a frame whose IP header begins at `header`."""
    return [
        (LOAD_HALF, 0, 0, PROTOCOL),
        Jump(f"{name} IPv4", IPV4),
        Jump(f"{name} IPv6", IPV6),
        *(Jump("take", kind) for kind in WRAPPED),
        Jump("drop"),
        f"{name} IPv4",
        (LOAD_BYTE, 0, 0, header + IPV4_PROTOCOL),
        Jump("take", TCP),
        Jump(f"{name} ICMP", ICMP),
        Jump("drop"),
        f"{name} ICMP",
        (LOAD_HEADER_LENGTH, 0, 0, header),
        (LOAD_BYTE_BEHIND_IT, 0, 0, header),
        *(Jump("take", number) for number in ICMP_ERRORS),
        Jump("drop"),
        f"{name} IPv6",
        (LOAD_BYTE, 0, 0, header + IPV6_NEXT_HEADER),
        *(Jump("take", number) for number in (TCP, *EXTENSIONS)),
        Jump(f"{name} ICMPv6", ICMPV6),
        Jump("drop"),
        f"{name} ICMPv6",
        (LOAD_BYTE, 0, 0, header + IPV6_HEADER),
        *(Jump("take", number) for number in ICMPV6_ERRORS),
        Jump("drop"),
    ]


def placed(lines: Sequence[Line]) -> Program:
    """Turn labels into distances; jumps lead forward, a conditional one over 255 instructions at most."""
    places: dict[str, int] = {}
    count = 0
    for line in lines:
        if isinstance(line, str):
            places[line] = count
        else:
            count += 1
    program: Program = []
    for line in lines:
        if isinstance(line, Jump):
            distance = places[line.label] - len(program) - 1
            if line.value is None:
                program.append((JUMP, 0, 0, distance))
            else:
                program.append((JUMP_EQUAL, distance, 0, line.value))
        elif not isinstance(line, str):
            program.append(line)
    return program


def cut(program: Program, snaplen: int) -> Program:
    """Return the program with `snaplen` bytes taken wherever it takes a frame: libpcap's takes another number."""
    return [
        (code, true, false, snaplen if code == RETURN and operand else operand)
        for code, true, false, operand in program
    ]


def by_device_type(programs: Mapping[int, Program]) -> Program:
    """Return one program that runs the one of the frame's ARPHRD_ type, and drops frames of any other."""
    program: Program = [(LOAD_HALF, 0, 0, DEVICE_TYPE)]
    heads: Program = []
    bodies: Program = []
    for number, (device_type, body) in enumerate(programs.items()):
        # Behind this jump: the heads still to come, two each, and the drop; then the bodies before this one.
        distance = 2 * (len(programs) - number - 1) + 1 + len(bodies)
        heads += [(JUMP_EQUAL, 0, 1, device_type), (JUMP, 0, 0, distance)]
        bodies += body
    return [*program, *heads, *NOTHING, *bodies]


def guarded(program: Program, devices: Sequence[int] = ()) -> Program:
    """Let only frames of `devices` (all, if there are none) into the program, and those of the loopback only once.

    The loopback device shows each frame when it leaves and when it arrives.
    """
    lines: list[Line] = [(LOAD_HALF, 0, 0, DEVICE_TYPE), Jump("loopback", LOOPBACK), Jump("device"), "loopback"]
    lines += [(LOAD_WORD, 0, 0, PACKET_TYPE), Jump("drop", OUTGOING), "device"]
    if devices:
        lines += [(LOAD_WORD, 0, 0, DEVICE), *(Jump("go on", device) for device in devices)]
    else:
        lines += [Jump("go on")]
    return [*placed([*lines, "drop", *NOTHING, "go on"]), *program]
