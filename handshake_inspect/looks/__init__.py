"""Ways to look: pure functions from a report (and, where needed, its segments) to plain, frozen data.

Nothing here draws; nothing in `render` computes.
"""
