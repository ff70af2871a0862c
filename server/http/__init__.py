"""HTTP: the API endpoints, the pages, and what they share."""
