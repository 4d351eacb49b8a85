"""How good the choice is: items with results enter, figures with intervals leave."""
