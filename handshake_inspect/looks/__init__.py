"""Looks: what one command shows, computed from the report's connections as plain frozen data.

A look is a pure function of connections (and, where it needs the frames themselves, of a second pass over the
captures).  How it is drawn is decided in `render`.
"""
