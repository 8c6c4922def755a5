"""How a route describes itself: a table of operations stands beside the views of each door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Schema = Mapping[str, Any]

TEXT: Schema = MappingProxyType({"type": "string"})
FLAG: Schema = MappingProxyType({"type": "string", "enum": ["1"]})
ANY_OBJECT: Schema = MappingProxyType({"type": "object"})
EVENT: Schema = MappingProxyType({"$ref": "#/components/schemas/Event"})
EVENTS: Schema = MappingProxyType({"type": "array", "items": dict(EVENT)})
RECEIPT: Schema = MappingProxyType({"$ref": "#/components/schemas/Receipt"})
PROBLEM: Schema = MappingProxyType({"$ref": "#/components/schemas/Problem"})
FILE: Schema = MappingProxyType({"type": "string", "contentMediaType": "application/octet-stream"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path or of the query, with what it means."""

    name: str
    zh: str
    en: str
    place: Literal["path", "query"] = "query"
    schema: Schema = field(default_factory=lambda: TEXT)
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status means; `media` are the schemas of its body by media type, empty for one without."""

    zh: str
    en: str
    media: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, in OpenAPI's spelling (`/api/v1/events/{event_id}`).

    `body` are the schemas of the request by media type. Problems need no mention: any operation may answer one.
    `is_open` says that nobody need sign in.
    """

    method: Literal["get", "post", "put", "delete"]
    path: str
    tag: str
    zh: str
    en: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    is_open: bool = False

    @property
    def name(self) -> str:
        """A name for the operation that is unique among all, such as `post-api-v1-events`."""
        words = self.path.replace("{", "").replace("}", "").replace(".", "-").strip("/").split("/")
        return "-".join([self.method, *words])
