"""The pipeline: one function per file, records in and records out."""
