"""The mock marketplace: a simulated auction market, its venue and HTTP face, and the adapter that speaks to it."""
