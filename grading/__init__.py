"""Release, collect and grade assignments: ``python -m grading --help``. Students' code runs in a sandbox only."""
