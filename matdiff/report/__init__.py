"""Pages as blocks, and a writer for each format."""
