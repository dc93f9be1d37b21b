"""Measure the local cloud beside others: ``make bench``."""
