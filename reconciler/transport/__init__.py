"""How adapters speak HTTP: sessions, patience, page walking, faults. Home of httpx2.

Nothing is imported here, so that a command that sends no request does not pay for the library.
"""
