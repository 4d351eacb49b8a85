"""Where strategies play: items come out, a choice is inspected, results come back."""
