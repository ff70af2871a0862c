"""HTTP: the API endpoints, the pages, and their shared helpers."""
