"""Background duties of the elected leader: repairs what crashes and outages leave behind."""
