"""Connections between source code and the platforms that read it, as code.

Data flows one way, and every stage hands values from ``model`` to the next::

    load → resolve → observe → diff → plan → apply → report
    files  pure      reads     pure   pure   writes  pure
"""

__version__ = "0.1.0"
