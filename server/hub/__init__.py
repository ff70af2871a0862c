"""The hub: forwards the feed's events to connected clients, which speak the Centrifuge client protocol.

It stands alone: the application provides what `interfaces` describes. `hub` follows channels of the feed,
`channel` fans out their publications, `connection` serves one client, and `transports` carry its frames.
"""
