"""For each exercise, plausible wrong answers and a word of the hint that each should get."""
