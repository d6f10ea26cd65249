"""The architectures of the book in PyTorch, one file a family."""
from cnnlib.models.registry import ModelRow, create_model, list_models
from cnnlib.models.summary import Summary, SummaryRow, summarize
from cnnlib.models.weights import load_weights

__all__ = ["ModelRow", "Summary", "SummaryRow", "create_model", "list_models", "load_weights", "summarize"]
