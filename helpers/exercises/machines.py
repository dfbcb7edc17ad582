"""Exercises of the chapters on machines."""
