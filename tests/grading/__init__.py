"""Tests of the package that releases, collects and grades assignments; grading runs on Linux."""
