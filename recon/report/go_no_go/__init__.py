"""The go/no-go sheet: two printed pages on which people decide whether a migration is kept."""
