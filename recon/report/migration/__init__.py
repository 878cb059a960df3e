"""Renders a guided migration for people: the console's lines, a page, Markdown and JSON."""
