"""Models for devices without this package: the graph, the preparation as data, and references that read them."""
