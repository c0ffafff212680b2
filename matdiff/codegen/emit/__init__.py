"""Source text of a plan: lines, memory, sizes."""
