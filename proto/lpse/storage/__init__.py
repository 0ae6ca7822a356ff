"""What both parties do to a disk: append a journal, keep a blob, make a backup."""
