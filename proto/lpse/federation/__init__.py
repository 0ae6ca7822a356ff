"""The contract: pure rules and formats that both sides must agree on to the bit."""
