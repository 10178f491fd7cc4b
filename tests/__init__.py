"""The tests, sorted by room; builders, strategies and fakes are shared."""
