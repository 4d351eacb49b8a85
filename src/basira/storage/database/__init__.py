"""The operational database: a path or URL enters, connections inside transactions leave."""
