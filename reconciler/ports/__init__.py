"""Protocols: all that stages may ask of the outside world."""
