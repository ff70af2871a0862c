"""Language models behind one interface: Gemini, and an offline provider that works by rules."""
