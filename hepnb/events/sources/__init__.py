"""Where the columns of a tree come from, and the caches of what was read."""
