"""What keeps the house in order: arrows, sizes, purity, generated code, documents."""
