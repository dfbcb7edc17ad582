"""Exercises of the chapters on layers."""
