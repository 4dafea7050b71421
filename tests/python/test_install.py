"""The package as it is installed: by CMake, and by pip from the source tree. Both take the core of the build under test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD_DIR = Path(os.environ["PANNIERD"]).parents[1]


def run(*command, **variables):
    done = subprocess.run(
        [str(part) for part in command], env={**os.environ, **variables}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def project_version():
    return re.search(r"VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8").split("project(")[1])[1]


@pytest.fixture(scope="module")
def installed_by_cmake(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD_DIR, "--prefix", prefix, "--component", "python")
    return next(prefix.glob("lib/python3*/dist-packages"))


@pytest.fixture(scope="module")
def installed_by_pip(tmp_path_factory):
    target = tmp_path_factory.mktemp("target")
    run(sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-index", "--no-deps", "--target", target,
        ROOT / "client" / "python", PANNIER_BUILD_DIR=str(BUILD_DIR))
    return target


@pytest.mark.parametrize("way", ["installed_by_cmake", "installed_by_pip"])
def test_an_installed_package_reaches_the_daemon(request, daemon, way):
    place = request.getfixturevalue(way)
    program = """if True:
        import pannier
        cache = pannier.connect().cache("lru")
        cache.put("k", ("a", 1))
        print(cache.get("k"), pannier.__file__, pannier.__version__)
    """
    output = run(sys.executable, "-c", program, PYTHONPATH=str(place), PANNIER_SOCKET=daemon.socket_path)
    assert output == f"('a', 1) {place}/pannier/__init__.py {project_version()}\n"
    assert (place / "pannier" / "py.typed").exists()
    sources = {path.relative_to(ROOT / "client/python") for path in (ROOT / "client/python/pannier").rglob("*.py")}
    assert sources == {path.relative_to(place) for path in (place / "pannier").rglob("*.py")}


def test_a_pip_package_has_the_version_of_the_project(installed_by_pip):
    assert (installed_by_pip / f"pannier-{project_version()}.dist-info").is_dir()
