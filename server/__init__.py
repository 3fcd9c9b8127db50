"""The server's side: the run and its phases, binding, admission, state, tracking and the report."""
