"""The offline HTML task-graph explorer."""
