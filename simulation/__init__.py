"""Nodes without hardware: engines that run the real apps, faults to try them with, and comparisons that see both sides."""
