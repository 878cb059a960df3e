"""Backups: made with a manifest of the same instant, read to their end, restored into a scratch database."""
