"""Users, keys of systems and sessions."""
