"""Stage 7, pure: values become documents, and documents become text.

A document is the versioned JSON form of a plan, a drift report or an outcome. The text and
Markdown renderers take the document and nothing else, so that a saved plan shows exactly what
the run that made it showed.
"""
