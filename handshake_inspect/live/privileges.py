"""What a program needs to open a sniffing socket is given up as soon as it is open: root, and every capability.

From then on a fault in the analysis of what strangers send is one in a program without rights.
Source: capabilities(7), prctl(2), credentials(7).
"""

from __future__ import annotations

import ctypes
import os
import sys

NOBODY = 65534
"""The user and the group without rights, whatever this system calls them."""

NO_NEW_PRIVILEGES, AMBIENT, CLEAR_ALL = 38, 47, 4
"""For prctl."""
CAPABILITY_VERSION_3 = 0x20080522


def give_up(keep_for: str | None = None) -> None:
    """Give up root and all capabilities of this process, for good.

    Root becomes the user who called sudo; without one, the owner of the folder `keep_for`, in which files are to be
    written, or nobody.  Call it before another thread runs: a capability belongs to a thread.  Does nothing where
    there are no capabilities (not Linux).  Raises OSError when the kernel keeps what it was to take.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _done(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    if os.geteuid() == 0:
        _become(*_user(keep_for))
    libc.prctl(AMBIENT, CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _done(libc.capset(header, (ctypes.c_uint32 * 6)()))


def _user(folder: str | None) -> tuple[int, int]:
    """Return the user and the group to become."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if user.isdecimal() and group.isdecimal():
        return int(user), int(group)
    if folder is None:
        return NOBODY, NOBODY
    found = os.stat(folder)
    return found.st_uid, found.st_gid


def _become(user: int, group: int) -> None:
    """Be that user and nobody else; a namespace that does not know it leaves root, whose capabilities go anyway."""
    try:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError:
        if os.geteuid() != 0:
            raise


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"cannot give privileges up: {os.strerror(ctypes.get_errno())}")
