"""The graded tasks, one module a chapter, each with a tuple ``TASKS``: variants of the chapters' exercises."""
