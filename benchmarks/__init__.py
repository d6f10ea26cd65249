"""Ratios against PyTorch, measured in one process: ``make bench``."""
