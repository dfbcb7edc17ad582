"""Wrong answers to the exercises in `helpers.exercises.tensors`."""

WRONG = {}
