"""What a model is asked for, answer by answer, and how rules alone would write it from the user's words."""
