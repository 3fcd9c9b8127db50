"""Nodes made of real or simulated recordings, the engines that run them, and what they are compared by."""
