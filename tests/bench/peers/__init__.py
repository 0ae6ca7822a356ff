"""Programs of others and bare yardsticks, each started as a process of its own by the benches."""
