"""Exercises of the chapters on networks."""
