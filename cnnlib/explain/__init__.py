"""Look into a network: its maps, its filters, and what its scores depend on."""
from cnnlib.explain.attribution import grad_cam, occlusion, saliency
from cnnlib.explain.features import embed, feature_maps, first_layer_filters, project
from cnnlib.explain.synthesis import maximize_activation, randomized

__all__ = ["embed", "feature_maps", "first_layer_filters", "grad_cam", "maximize_activation", "occlusion", "project",
           "randomized", "saliency"]
