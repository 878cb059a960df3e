"""Rollback of a run: a plan that a person reads, applied whole or not at all, and the way back."""
