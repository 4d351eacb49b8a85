"""What the service keeps between two requests: office states, answers under idempotency keys, rejected bodies."""
