"""How figures, words and pages look, in French, English and Arabic.

Enters: figures, message ids, charts' points. Leaves: text, SVG and HTML. Never here: what the figures
mean, files being read from a store, a clock, the network.
"""
