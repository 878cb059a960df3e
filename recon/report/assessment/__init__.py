"""Reports of an Assessment, in the formats of a Verification and with the same words."""
