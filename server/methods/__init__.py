"""The methods that are compared: a file each, and what they share."""
