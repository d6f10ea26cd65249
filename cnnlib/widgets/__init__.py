"""The book's widgets: each is stock ipywidgets controls linked to one picture."""
from cnnlib.widgets.activation_explorer import ActivationExplorer
from cnnlib.widgets.architecture_browser import ArchitectureBrowser
from cnnlib.widgets.attention_explorer import AttentionExplorer
from cnnlib.widgets.backprop_explorer import BackpropExplorer
from cnnlib.widgets.compound_scaling import CompoundScaling
from cnnlib.widgets.convolution_explorer import ConvolutionExplorer
from cnnlib.widgets.dense_growth_explorer import DenseGrowthExplorer
from cnnlib.widgets.feature_map_browser import FeatureMapBrowser
from cnnlib.widgets.freeze_explorer import FreezeExplorer
from cnnlib.widgets.grad_cam_explorer import GradCamExplorer
from cnnlib.widgets.gradient_check_explorer import GradientCheckExplorer
from cnnlib.widgets.inception_calculator import InceptionCalculator
from cnnlib.widgets.iou_explorer import IoUExplorer
from cnnlib.widgets.kernel_gallery import KernelGallery
from cnnlib.widgets.layer_calculator import LayerCalculator
from cnnlib.widgets.loop_stepper import LoopStepper
from cnnlib.widgets.nms_explorer import NMSExplorer
from cnnlib.widgets.occlusion_explorer import OcclusionExplorer
from cnnlib.widgets.parameter_explosion import ParameterExplosion
from cnnlib.widgets.pooling_explorer import PoolingExplorer
from cnnlib.widgets.precision_recall import PrecisionRecall
from cnnlib.widgets.quiz import Quiz
from cnnlib.widgets.receptive_field_explorer import ReceptiveFieldExplorer
from cnnlib.widgets.residual_explorer import ResidualExplorer
from cnnlib.widgets.se_gate import SEGate
from cnnlib.widgets.separable_calculator import SeparableCalculator
from cnnlib.widgets.shape_tracer import ShapeTracer
from cnnlib.widgets.shift_explorer import ShiftExplorer
from cnnlib.widgets.token_calculator import TokenCalculator
from cnnlib.widgets.transposed_convolution import TransposedConvolution
from cnnlib.widgets.unet_shapes import UNetShapes
from cnnlib.widgets.yolo_grid import YoloGrid

__all__ = [
    "ActivationExplorer", "ArchitectureBrowser", "AttentionExplorer", "BackpropExplorer", "CompoundScaling",
    "ConvolutionExplorer", "DenseGrowthExplorer", "FeatureMapBrowser", "FreezeExplorer", "GradCamExplorer",
    "GradientCheckExplorer", "InceptionCalculator", "IoUExplorer", "KernelGallery", "LayerCalculator", "LoopStepper",
    "NMSExplorer", "OcclusionExplorer", "ParameterExplosion", "PoolingExplorer", "PrecisionRecall", "Quiz",
    "ReceptiveFieldExplorer", "ResidualExplorer", "SEGate", "SeparableCalculator", "ShapeTracer", "ShiftExplorer",
    "TokenCalculator", "TransposedConvolution", "UNetShapes", "YoloGrid",
]
