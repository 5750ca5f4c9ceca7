"""Maskers beside the patterns of :mod:`wildgraph.masking`, which says what a masker is."""
