"""The API's doors together: their blueprints, and the operations by which they describe themselves."""

from __future__ import annotations

from heji_web import api_events

BLUEPRINTS = (api_events.blueprint,)
OPERATIONS = (*api_events.OPERATIONS,)
