"""Benchmarks of single parts, each measured against something in the same run on the same machine."""
