"""Nouns: frozen values that stages hand to one another. No I/O, no clock, no network."""
