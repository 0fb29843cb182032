"""The build backend: setuptools, and a C compiler from PyPI where the machine has none.

The hot stages are compiled, so a build needs a C compiler.  Where none is installed, the
backend asks the installer for `ziglang`, whose `python -m ziglang cc` is a whole clang with its own
libc headers; `setup.py` then compiles with that.  The Python headers come from the interpreter.
"""

import os
import shlex
import shutil
import sys
import sysconfig

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def installed_compiler():
    """Return the command of the C compiler to use, or None where there is none.

    $CC wins, then the compiler that built this Python, then the usual names.
    """
    for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        if command and shutil.which(shlex.split(command)[0]):
            return command
    return None


def needs_zig():
    """Tell whether to compile with ziglang: on Linux without a C compiler.

    On Windows and macOS setuptools' own search and messages for the system's compiler are better.
    """
    return sys.platform == "linux" and installed_compiler() is None


def _with_compiler(requirements):
    return [*requirements, "ziglang"] if needs_zig() else requirements


def get_requires_for_build_wheel(config_settings=None):
    """Return what a wheel's build needs beside pyproject.toml's list (PEP 517)."""
    return _with_compiler(build_meta.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings=None):
    """Return what an editable install needs beside pyproject.toml's list (PEP 660)."""
    return _with_compiler(build_meta.get_requires_for_build_editable(config_settings))
