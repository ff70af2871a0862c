"""The Python client: start tasks, follow them and read their results from your own back end."""
