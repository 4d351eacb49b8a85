"""What is measured of an item: entities, references, arithmetic, and the catalog that lists every feature."""
