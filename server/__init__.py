"""The server's side: the run on one screen, its phases, binding, admission, state and report."""
