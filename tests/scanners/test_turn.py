from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from heji_scanners.turn import Turn

HOLD = """
import sys
from pathlib import Path
from heji_scanners.turn import Turn
turn = Turn(Path(sys.argv[1]))
print(turn.take(), flush=True)
sys.stdin.read()
"""


def test_it_is_one_s_turn_at_a_time(tmp_path: Path) -> None:
    with closing(Turn(tmp_path)) as mine, closing(Turn(tmp_path)) as other:
        assert mine.take()
        assert mine.take(), "it stays ours"
        assert not other.take()
        mine.give_back()
        assert other.take()
        assert not mine.take()


def test_a_process_that_is_killed_gives_its_turn_back(tmp_path: Path) -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process,
        closing(Turn(tmp_path)) as turn,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert not turn.take()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert turn.take()
