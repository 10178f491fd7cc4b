"""Adapters: one package for each marketplace, found by bidder through entry points."""
