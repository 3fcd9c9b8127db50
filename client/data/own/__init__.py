"""The user's own recordings: any folder with a dataset.yaml that says what lies in it (docs/data.md)."""
