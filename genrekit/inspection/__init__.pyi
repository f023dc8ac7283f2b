from .inspecting import Inspected, InspectOptions, inspect, inspection_page, is_model
from .table import MAX_ROWS

__all__ = ["MAX_ROWS", "InspectOptions", "Inspected", "inspect", "inspection_page", "is_model"]
