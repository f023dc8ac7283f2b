from .inspect import Inspected, InspectOptions, inspect, inspection_page

__all__ = ["InspectOptions", "Inspected", "inspect", "inspection_page"]
