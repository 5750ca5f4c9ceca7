"""Maskers beside the patterns of :mod:`wildgraph.masking`. A masker is a function from a text to :class:`wildgraph.masking.Masked`."""
