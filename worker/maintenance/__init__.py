"""Maintenance: duties of the elected leader that repair what crashes and outages leave behind."""
