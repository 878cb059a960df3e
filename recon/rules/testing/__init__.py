"""Rules where there is nothing to look at: can one pass vacuously?"""
