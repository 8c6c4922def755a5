"""The published forms of identifiers: how each is written, and what people call it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from heji_trace.events.kinds.fields import IdentifierForm

CODE_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
BATCH_PATTERN: Final = r"[A-Za-z0-9-]{1,20}"
TEMPERATURE_PATTERN: Final = r"0|-?(0\.[0-9]{1,2}|[1-9][0-9]{0,2}(\.[0-9]{1,2})?)"


class Form(NamedTuple):
    """A form of identifier: its pattern (to be matched in full) and its names."""

    pattern: str
    zh: str
    en: str


FORMS: Final[Mapping[IdentifierForm, Form]] = MappingProxyType(
    {
        "uuid": Form(
            r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}", "UUID", "a UUID"
        ),
        "sha256": Form(r"[0-9a-f]{64}", "SHA-256 摘要（64 位小写十六进制）", "a SHA-256 in lower-case hex"),
        "gtin": Form(r"[0-9]{8}|[0-9]{12,14}", "商品条码（GTIN）", "a GTIN with its check digit"),
        "uscc": Form(
            r"[0-9A-HJ-NPQRTUWXY]{18}",
            "统一社会信用代码（18 位）",
            "a unified social credit code (18 characters)",
        ),
        "division": Form(
            r"[0-9]{6}|[0-9]{9}|[0-9]{12}",
            "行政区划代码（6、9 或 12 位）",
            "a division code of 6, 9 or 12 digits",
        ),
        "trace_code": Form(r"[0-9A-HJKMNP-TV-Z]{16}", "追溯码（16 位）", "a trace code of 16 characters"),
        "phone_code": Form(r"[1-9][0-9]{9}", "电话查询码（10 位）", "a telephone code of 10 digits"),
    }
)
