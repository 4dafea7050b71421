"""The part of the package's build that pyproject.toml cannot tell: the version, and the core that CMake compiles.

PANNIER_BUILD_DIR, if set, is a CMake build directory of this tree, of which the core is taken; else one is made.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parents[2]
# Nothing is written into the sources.
SCRATCH = ROOT / "build" / "wheel"


def version():
    """As the top CMakeLists.txt has it."""
    return re.search(r"^\s+VERSION (\S+)$", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1]


def configure(directory):
    subprocess.run(
        ["cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DPANNIER_TESTS=OFF",
         "-DPANNIER_PYTHON_ONLY=ON", f"-DPython3_EXECUTABLE={sys.executable}"],
        check=True)


class CMakeBuild(build_ext):
    """Builds the target pannier_python, and puts what it makes where setuptools expects it."""

    def build_extension(self, extension):
        directory = Path(os.environ.get("PANNIER_BUILD_DIR") or self.build_temp)
        if not (directory / "CMakeCache.txt").exists():
            configure(directory)
        subprocess.run(["cmake", "--build", directory, "--target", "pannier_python"], check=True)
        target = Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(directory / "python" / "pannier" / target.name, target)


SCRATCH.mkdir(parents=True, exist_ok=True)
setup(
    version=version(),
    ext_modules=[Extension("pannier._core", [])],
    cmdclass={"build_ext": CMakeBuild},
    options={"build": {"build_base": str(SCRATCH)}, "egg_info": {"egg_base": str(SCRATCH)}},
)
