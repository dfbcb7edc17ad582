"""Exercises of the chapters on tensors."""
