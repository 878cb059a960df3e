"""Verify a migration: the recipe, its options, its progress, what to do about the verdict."""
