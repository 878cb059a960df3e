"""The entities of a migration, by their names."""

from __future__ import annotations

SINGULAR = {"members": "member", "events": "event", "registrations": "registration"}
"""What one of an entity is called, by entity, in the order of reports."""
ENTITIES = tuple(SINGULAR)
