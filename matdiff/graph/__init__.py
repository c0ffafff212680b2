"""What holds for whole expression graphs: rewriting, properties, equality."""
