"""What the daemon learns from reports: maturity, rates, values, responses. Pure; numpy, scipy and scikit-learn only."""

from __future__ import annotations

from bidder.forecast.forecaster import EmpiricalBayesForecaster

__all__ = ["EmpiricalBayesForecaster"]
