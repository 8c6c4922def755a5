"""The API's doors together: their blueprints, and the operations by which they describe themselves."""

from __future__ import annotations

from heji_web import (
    api_batches,
    api_bulk,
    api_events,
    api_imports,
    api_lab,
    api_labels,
    api_recalls,
    api_templates,
)

_DOORS = (api_events, api_bulk, api_imports, api_templates, api_batches, api_lab, api_recalls, api_labels)
BLUEPRINTS = tuple(door.blueprint for door in _DOORS)
OPERATIONS = tuple(operation for door in _DOORS for operation in door.OPERATIONS)
