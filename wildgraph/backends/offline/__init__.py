"""The embedded default engine: mining by prototypes and cues, writing by extraction."""
