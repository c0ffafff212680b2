"""The page to type in, the JSON service and the tools for other programs; all three ask `service` the same."""
