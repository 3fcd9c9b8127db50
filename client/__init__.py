"""The node's side: what it holds, how it trains, what it answers."""
