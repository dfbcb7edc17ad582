"""Exercises of the chapters on perceptrons."""
