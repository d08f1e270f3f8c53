"""The interpolation explorer."""
