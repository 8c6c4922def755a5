"""The API's doors together: their blueprints, and the operations by which they describe themselves."""

from __future__ import annotations

from heji_web.api import batches, bulk, events, imports, lab, labels, recalls, templates

_DOORS = (events, bulk, imports, templates, batches, lab, recalls, labels)
BLUEPRINTS = tuple(door.blueprint for door in _DOORS)
OPERATIONS = tuple(operation for door in _DOORS for operation in door.OPERATIONS)
