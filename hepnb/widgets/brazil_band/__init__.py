"""The limit panel."""
