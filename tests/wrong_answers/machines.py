"""Wrong answers to the exercises in `helpers.exercises.machines`."""

WRONG = {}
