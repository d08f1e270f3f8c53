"""The histogram builder."""
