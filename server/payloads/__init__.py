"""Validates payloads against the JSON Schema of their task type; pure."""
