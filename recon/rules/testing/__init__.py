"""Rehearsals of rules with nothing to look at: can one pass vacuously?"""
