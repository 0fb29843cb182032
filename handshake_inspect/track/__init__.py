"""Segments -> connections: the 4-tuple table, incarnations, what each side sent, and the evidence for its states."""
