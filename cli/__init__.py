"""The command `fedbind`, one file per subcommand; no logic of its own."""
