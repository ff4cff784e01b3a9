"""The demo: instag learns a synthetic speaker from a video, lets it speak, and reports how well."""
