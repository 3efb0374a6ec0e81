"""Documents → text for a terminal. Pure; stage 7.

Each function takes a document (made by this run or read from a file) and a ``Paint``, escapes
all foreign text in it, and returns lines that end with a newline.
"""

from reconciler.report.terminal_outcome import (
    problem_lines,
    render_apply,
    render_drift,
    render_problems,
    render_verify,
)
from reconciler.report.terminal_plan import render_plan

__all__ = [
    "problem_lines",
    "render_apply",
    "render_drift",
    "render_plan",
    "render_problems",
    "render_verify",
]
