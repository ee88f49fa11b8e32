"""Simulated B2B journeys whose true propensities are known."""
