"""What a process does to files, as strace records it: every write, sync, creation, renaming and removal, in order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_CALLS = (
    "openat,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,ftruncate,truncate,"
    "rename,renameat,renameat2,unlink,unlinkat,link,linkat,fallocate,copy_file_range,sendfile,sync_file_range"
)
_LINE = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_UNFINISHED = re.compile(r"(?P<pid>\d+) +(?P<start>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")
_DESCRIPTOR = re.compile(r"(?:\d+|AT_FDCWD)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Step:
    """One system call that succeeded: `data` at `offset` of `path` (None: at the file's end), or to another path."""

    call: str
    path: str
    data: bytes = b""
    offset: int | None = None
    to: str = ""


def strace() -> str:
    """The command, or the test is skipped with the reason: not installed, or not allowed to look at processes."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run([found, "-qq", "-o", os.devnull, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace may not be used here: {tried.stderr.decode(errors='replace').strip()}")
    return found


def child_environment() -> dict[str, str]:
    """The environment in which a process of the tests finds what the tests find."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEJI_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def record(command: Sequence[str | Path], folder: Path, trace: Path) -> list[Step]:
    """Run the command to its end, and what it did to the files below `folder`."""
    tracing = [strace(), "-f", "-y", "-xx", "-s", str(2**24), "--seccomp-bpf", "-qq"]
    tracing += ["-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(trace)]
    done = subprocess.run(
        [*tracing, *map(str, command)],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [step for step in steps_of(trace) if Path(step.path).is_relative_to(folder)]


def steps_of(trace: Path) -> Iterator[Step]:
    """The calls of a trace that succeeded, in the order in which they returned."""
    started: dict[str, str] = {}
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            text = line.rstrip("\n")
            if unfinished := _UNFINISHED.match(text):
                started[unfinished["pid"]] = text[: -len(" <unfinished ...>")]
                continue
            if resumed := _RESUMED.match(text):
                text = started.pop(resumed["pid"]) + resumed["rest"]
            if (found := _LINE.match(text)) and int(found["result"]) >= 0:
                step = _step(found["call"], found["arguments"], int(found["result"]))
                if step is not None:
                    yield step


def _step(call: str, arguments: str, result: int) -> Step | None:
    descriptors = [_decode(path).decode() for path in _DESCRIPTOR.findall(arguments)]
    texts = [_decode(text) for text in _TEXT.findall(arguments)]
    match call:
        case "openat":
            path = os.path.join(descriptors[0], texts[0].decode())  # noqa: PTH118  as the kernel joins them
            return (
                Step("truncate" if "O_TRUNC" in arguments else "create", path)
                if "O_CREAT" in arguments
                else None
            )
        case "write":
            return Step("write", descriptors[0], texts[0][:result])
        case "pwrite64":
            return Step("write", descriptors[0], texts[0][:result], int(arguments.rsplit(", ", 1)[1]))
        case "fsync" | "fdatasync":
            return Step("sync", descriptors[0])
        case "ftruncate":
            return Step("resize", descriptors[0], offset=int(arguments.rsplit(", ", 1)[1]))
        case "rename":
            return Step("rename", texts[0].decode(), to=texts[1].decode())
        case "unlink":
            return Step("unlink", texts[0].decode())
        case _:
            # A way to change files that the model of the disk does not know would make it lie.
            return Step(call, (descriptors or [text.decode() for text in texts])[0])


def _decode(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") or not text else text.encode()
