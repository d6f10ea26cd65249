"""Answers as students would write them, right and wrong, one module a chapter; written apart from the tasks."""
