"""The version of this package; its metadata read it here."""

__version__ = "0.2.0"
