"""Compiles the hot stages; everything else is in pyproject.toml."""

import os
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

from build_backend import installed_compiler, needs_zig

COMPILED = (
    "columns",
    "rfc9293/seq",
    "capture/pack",
    "capture/walk",
    "capture/ring",
    "decode/tcp",
    "decode/ip",
    "decode/layers",
    "decode/tunnels",
    "decode/decoder",
    "track/history",
    "track/tracker",
    "track/leaving",
    "verdict/replay",
    "verdict/opening",
    "verdict/closing",
    "verdict/time_wait",
    "verdict/checks",
    "verdict/notes",
    "verdict/rows",
    "verdict/isns",
    "verdict/judge",
    "verdict/leaving",
    "verdict/due",
    "verdict/watch",
    "views/connection",
)
"""The modules that Cython compiles, as paths below handshake_inspect/."""

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "show_performance_hints": False,  # they ask to drop the bounds checks, which stay
}

# The flags stay portable: a wheel must run on every machine of its architecture.
OPTIMISE = [] if sys.platform == "win32" else ["-O3", "-g0"]

JOBS = min(os.cpu_count() or 1, 4)


class BuildStages(build_ext):
    """Cython, then C, each on all cores; only when something is to be compiled, so an sdist holds no C."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or JOBS

    def build_extensions(self):
        from Cython.Build import cythonize

        if sys.platform != "win32":
            self._choose_compiler()
        stages = [Extension(stage.name, stage.sources) for stage in self.extensions]
        translated = cythonize(stages, nthreads=JOBS, quiet=True, compiler_directives=DIRECTIVES)
        sources = {stage.name: stage.sources for stage in translated}
        for stage in self.extensions:
            stage.sources = sources[stage.name]
        super().build_extensions()

    def _choose_compiler(self):
        headers = Path(sysconfig.get_path("include"), "Python.h")
        if not headers.exists():
            sys.exit(f"{headers} is missing: install this Python's headers (python3-dev, or python3-devel)")
        command = installed_compiler()
        if needs_zig():
            # This Python's own flags are for the compiler that built it; zig's clang refuses some of them.
            zig = [sys.executable, "-m", "ziglang", "cc"]
            flags = [
                "-fPIC",
                "-fwrapv",
                "-fno-strict-aliasing",
                "-fno-sanitize=undefined",
                "-DNDEBUG",
                "-Wno-everything",
            ]
            self.compiler.set_executables(compiler_so=[*zig, *flags], linker_so=[*zig, "-shared", "-s"])
            os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", os.path.abspath(os.path.join(self.build_temp, "zig")))
            os.environ.setdefault("ZIG_LOCAL_CACHE_DIR", os.environ["ZIG_GLOBAL_CACHE_DIR"])
        elif command != sysconfig.get_config_var("CC") and "CC" not in os.environ:
            # The compiler that built this Python is not here, and setuptools would insist on it.
            self.compiler.set_executables(compiler_so=[command, *self.compiler.compiler_so[1:]])
            self.compiler.set_executables(linker_so=[command, *self.compiler.linker_so[1:]])


# Cython's worker processes import this file again where they do not fork.
if __name__ == "__main__":
    setup(
        cmdclass={"build_ext": BuildStages},
        ext_modules=[
            Extension(
                f"handshake_inspect.{name.replace('/', '.')}",
                [f"handshake_inspect/{name}.py"],
                extra_compile_args=OPTIMISE,
            )
            for name in COMPILED
        ],
    )
