"""What every page shares: its frame with contents, links and search, and the words of its tables."""
