"""Wrong answers to the exercises in `helpers.exercises.perceptrons`."""

WRONG = {}
