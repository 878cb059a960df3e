"""A run: everything that people look at for one verdict, in its own folder, and the site over all runs."""
