"""Measure the daemon where the truth is known: play it, and its rivals, in simulated worlds.

The only room beside `bidder.cli` that may load a world; decision code has no path to a world's truth.
"""
