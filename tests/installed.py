"""The wheel, and an environment of its own with exactly the libraries that it declares, made without a network."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from layout.sources import REPOSITORY


def build_wheel(into: Path) -> Path:
    """Build the wheel of this repository into a folder."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    built = subprocess.run([*build, into, REPOSITORY], check=False, capture_output=True, encoding="utf-8")
    assert built.returncode == 0, built.stdout + built.stderr
    (made,) = into.glob("heji-*.whl")
    return made


def install(wheel: Path, folder: Path, extra: str) -> Path:
    """A new environment with the wheel and what it requires; answers with its folder of commands."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
    (own,) = site.glob("heji-*.dist-info")
    for library in required(PathDistribution(own), extra, set()):
        for name in top_level(library):
            if not (site / name).exists():
                (site / name).symlink_to(Path(str(library.locate_file(name))))
    return folder / "bin"


def required(of: Distribution, extra: str, seen: set[str]) -> Iterator[Distribution]:
    for line in of.requires or []:
        requirement = Requirement(line)
        key = f"{requirement.name}{sorted(requirement.extras)}"
        if key not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": extra})):
            seen.add(key)
            found = distribution(requirement.name)
            yield found
            for wanted in ("", *sorted(requirement.extras)):
                yield from required(found, wanted, seen)


def top_level(library: Distribution) -> set[str]:
    return {path.parts[0] for path in library.files or [] if path.parts[0] not in {"..", "__pycache__"}}
