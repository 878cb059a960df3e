"""A run: everything that people look at of one verdict, in a folder of its own, and the site over all runs."""
