"""A daemon that manages advertising bids, budgets and pauses on marketplaces."""
