"""What is read out of a run folder afterwards: the summary over seeds and the page for people."""
