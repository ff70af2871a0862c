"""Authentication and authorization: tokens, keys, permissions, revocations."""
