"""The second engine: long training sequences whose parts depend on each other, screened by the model's own uncertainty.

EntropyLong (arXiv 2510.02330) and PolicyLong (arXiv 2604.07809): positions where a model is uncertain ask a corpus for context; what is found
is prepended and the model asked again; what really helps goes into a long sequence. No code of either was published; this follows the papers
as far as they could be read, and every constant says whether it is theirs.

:mod:`~wildgraph.screening.score` asks the model, :mod:`~wildgraph.screening.anchors` finds uncertain positions,
:mod:`~wildgraph.screening.retrieve` looks for context, :mod:`~wildgraph.screening.verify` decides what helps,
:mod:`~wildgraph.screening.assemble` makes sequences, :mod:`~wildgraph.screening.rounds` repeats it with the current checkpoint.
"""
