"""Lists that rules name: operators, products, origins, addresses, containers.

Enters: entries of a person or of a table. Leaves: entries in their one written form, faults with their row; what is in
force on a day, as rules read it. Never here: a store; an entry that is in force before its first day or after its last.
"""
