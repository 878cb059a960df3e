"""Reports of what changed between two runs: each format renders the same RunComparison, and none of them counts."""
