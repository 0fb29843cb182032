"""Compiles the hot stages; everything else is in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILED = ("columns", "decode/tcp", "decode/ip", "decode/layers", "decode/tunnels", "decode/decoder")
"""The modules that Cython compiles, as paths below handshake_inspect/."""

setup(
    ext_modules=cythonize(
        [Extension(f"handshake_inspect.{name.replace('/', '.')}", [f"handshake_inspect/{name}.py"]) for name in COMPILED],
        compiler_directives={"language_level": 3, "boundscheck": True, "wraparound": False, "cdivision": True, "initializedcheck": False},
        show_all_warnings=False,
    ),
)
