"""Backups: made with a manifest of the same instant, read to their end, restored in a scratch database or in place."""
