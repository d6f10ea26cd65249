"""Small command-line helpers that work on notebooks, the site and the machine."""
