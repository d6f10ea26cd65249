"""The architectures of the book in PyTorch, one file a family."""
from cnnlib.models.pretrained import ModelCard, load_pretrained, model_card
from cnnlib.models.registry import ModelRow, create_model, list_models
from cnnlib.models.rollout import attention_rollout, attention_weights, rollout
from cnnlib.models.summary import Summary, SummaryRow, summarize
from cnnlib.models.weights import load_weights

__all__ = [
    "ModelCard",
    "ModelRow",
    "Summary",
    "SummaryRow",
    "attention_rollout",
    "attention_weights",
    "create_model",
    "list_models",
    "load_pretrained",
    "load_weights",
    "model_card",
    "rollout",
    "summarize",
]
