"""Experiments as YAML files, and the typed, frozen form of them that the whole house reads."""
