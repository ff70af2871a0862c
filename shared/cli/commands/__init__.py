"""The commands; each module registers its own on the one app."""
