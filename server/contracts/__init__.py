"""The API's descriptions: OpenAPI, AsyncAPI, JSON Schema, and the reference page."""
