"""What a round of many small nodes costs: this project's engines, a plain loop, and Flower's own Ray simulation."""
