"""What the three command-line programs share: settings, output, words."""
