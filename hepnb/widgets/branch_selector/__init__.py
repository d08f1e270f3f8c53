"""The branch selector."""
