"""Sweeps: what a finished head shows when everything is asked of it that it can be asked."""
