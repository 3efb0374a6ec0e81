"""Emulators of the providers and consumers on loopback, with scripted state and faults.

`state` holds everything that can change, `app` speaks HTTP, `server` runs it. Imported by nothing
but its own command and tests.
"""
