"""The recipe, from bundle and database to a Verification: its options, its progress, whom to call."""
