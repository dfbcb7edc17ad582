"""Wrong answers to the exercises in `helpers.exercises.networks`."""

WRONG = {}
