"""What surrounds every route: a request enters, bounded, counted and logged; an answer or a problem leaves."""
