"""What things cost on this machine: each bench measures one part against a baseline, in one run, interleaved."""
