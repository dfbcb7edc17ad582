"""Wrong answers to the exercises in `helpers.exercises.layers`."""

WRONG = {}
