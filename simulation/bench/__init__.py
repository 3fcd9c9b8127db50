"""What things cost on this machine: each bench measures one part against something else in the same run."""
