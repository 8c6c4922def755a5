"""Events on disk while they wait to be recorded: read again and again, and never in memory all at once."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from os import SEEK_END
from tempfile import SpooledTemporaryFile

from heji_trace.events.event import Event
from heji_trace.events.schemas import event_of
from heji_trace.proving import canonical

_IN_MEMORY = 1 << 20


class Scratch(SpooledTemporaryFile[bytes]):
    """A file without a name, small ones in memory; closed with the object, since nobody else knows its last reader."""

    def __init__(self) -> None:
        super().__init__(max_size=_IN_MEMORY)

    def __del__(self) -> None:
        self.close()


class Spool:
    """Parsed events in their order, each with the line of the file that it came from.

    They lie in a file without a name, which is gone with the spool. One reader at a time.
    """

    def __init__(self) -> None:
        self._file = Scratch()
        self._lines = array("L")
        self._is_at_end = True

    def add(self, event: Event, line: int) -> None:
        """Put an event behind the others."""
        if not self._is_at_end:
            # Not each time: it would write every event to the file by itself.
            self._file.seek(0, SEEK_END)
            self._is_at_end = True
        self._file.write(canonical.dump(event.body) + b"\n")
        self._lines.append(line)

    def line_of(self, place: int) -> int:
        """The line of the event at a place, from 0."""
        return self._lines[place]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Event]:
        self._is_at_end = False
        self._file.seek(0)
        for line in self._file:
            yield event_of(canonical.reload(line))
