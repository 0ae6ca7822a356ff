"""Plans: dangerous acts are previewed, approved by a second person, and applied as previewed."""
