"""Names of files as they can be kept, shown and sent on, whatever a machine or a browser gave."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LONGEST: Final = 120
_PARTS = re.compile(r"[/\\]")


def readable_name(text: str) -> str:
    """A name, or a path, of this machine as text.

    One that came from a Windows machine in GB18030, as out of a zip file, is read as that; of any other the bytes
    that are no text are spelled out, so that two names stay two.
    """
    return "/".join(map(_readable, text.split("/")))


def plain_name(text: str) -> str:
    """The name of a file that somebody handed in: without folders, and without what steers a page or a header."""
    last = _PARTS.split(readable_name(text))[-1]
    return "".join(
        sign for sign in last if unicodedata.category(sign)[0] != "C" and sign not in "\u2028\u2029"
    )[-_LONGEST:]


def _readable(part: str) -> str:
    if not any("\ud800" <= sign <= "\udfff" for sign in part):
        return part
    data = (
        part.encode("utf-8", "surrogateescape")
        if _is_escaped(part)
        else part.encode("utf-8", "surrogatepass")
    )
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace")


def _is_escaped(part: str) -> bool:
    """Whether the part stands for bytes of the file system, as Python hands them out."""
    return all("\udc80" <= sign <= "\udcff" for sign in part if "\ud800" <= sign <= "\udfff")
