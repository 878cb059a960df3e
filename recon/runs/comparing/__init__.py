"""Runs side by side: which there are, and what changed from one to another."""
