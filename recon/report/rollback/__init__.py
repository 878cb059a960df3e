"""Renders the plan of a rollback for people: Markdown, and the console's lines."""
