"""A process that is given files one after the other and tells what each cost: to be bounded and measured from outside.

    python swallowing.py FOLDER TOKEN < LINES

Each line of standard input names a door, a media type, a content encoding and a file, parted by tabs; each line of the output is
JSON: status, code of the problem, and the most memory that was used meanwhile, over what was used before.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from heji_web.app import create_app
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, Now


def main(folder: str, token: str) -> None:
    """Swallow what standard input names."""
    with closing(open_service(read_settings({"HEJI_DATA": folder}), Now().clock, passwords=CHEAP)) as service:
        service.start()
        client = create_app(service).test_client()
        for line in sys.stdin:
            door, media, encoding, file = line.rstrip("\n").split("\t")
            headers = {"Authorization": f"Bearer {token}", "Content-Encoding": encoding}
            # From here the kernel counts the peak anew.
            Path("/proc/self/clear_refs").write_text("5", "ascii")
            before = peak_kib()
            with Path(file).open("rb") as sent:
                answer = client.post(
                    door,
                    input_stream=sent,
                    content_type=media,
                    headers=headers,
                    content_length=Path(file).stat().st_size,
                )
            problem = answer.get_json() or {}
            told = {
                "status": answer.status_code,
                "codes": [problem.get("code"), *(each["code"] for each in problem.get("problems", [])[:3])],
                "mib": (peak_kib() - before) // 1024,
            }
            print(json.dumps(told), flush=True)  # noqa: T201  the answer


def peak_kib() -> int:
    """The most memory that this process has used since the count began."""
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
