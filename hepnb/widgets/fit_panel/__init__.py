"""The fit panel."""
