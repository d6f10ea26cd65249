"""Where the widgets stand, and what a reader does on a page before one moves."""
import re

NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}  # CSS pixels
WIDGETS = {  # name: a page that it stands on, and what is written at a control that no other widget of the page has
    "Quiz": ("notebooks/01_why_convolution.html", "Check"),
    "ParameterExplosion": ("notebooks/01_why_convolution.html", "dense outputs"),
    "ShiftExplorer": ("notebooks/01_why_convolution.html", "right"),
    "ConvolutionExplorer": ("notebooks/02_convolution_math.html", "kernel size"),
    "KernelGallery": ("notebooks/02_convolution_math.html", "operation"),
    "LoopStepper": ("notebooks/03_convolution_from_scratch.html", "version"),
    "PoolingExplorer": ("notebooks/04_pooling_layers.html", "input size"),
    "ShapeTracer": ("notebooks/05_cnn_architecture.html", "layer 10"),
    "ActivationExplorer": ("notebooks/05_cnn_architecture.html", "negative slope"),
    "BackpropExplorer": ("notebooks/06_cnn_backprop.html", "layer"),
    "GradientCheckExplorer": ("notebooks/06_cnn_backprop.html", "precision"),
    "ArchitectureBrowser": ("notebooks/07_classic_architectures.html", "bars show"),
    "ReceptiveFieldExplorer": ("notebooks/07_classic_architectures.html", "output unit"),
    "InceptionCalculator": ("notebooks/07a_inception_family.html", "own: size"),
    "ResidualExplorer": ("notebooks/07b_residual_family.html", "blocks"),
    "DenseGrowthExplorer": ("notebooks/07b_residual_family.html", "growth rate k"),
    "FreezeExplorer": ("notebooks/08_transfer_learning.html", "frozen stages"),
    "FeatureMapBrowser": ("notebooks/09_feature_visualization.html", "channel"),
    "GradCamExplorer": ("notebooks/09_feature_visualization.html", "Grad-CAM layer"),
    "OcclusionExplorer": ("notebooks/09_feature_visualization.html", "patch row"),
    "SeparableCalculator": ("notebooks/10_modern_efficient_architectures.html", "depth multiplier"),
    "CompoundScaling": ("notebooks/10_modern_efficient_architectures.html", "φ (steps)"),
    "SEGate": ("notebooks/11_attention_mechanisms.html", "channel to change"),
    "AttentionExplorer": ("notebooks/11_attention_mechanisms.html", "query row"),
    "TokenCalculator": ("notebooks/11_attention_mechanisms.html", "hidden dimension"),
    "YoloGrid": ("notebooks/12_detection_segmentation_intro.html", "grid size S"),
    "IoUExplorer": ("notebooks/12_detection_segmentation_intro.html", "A: left"),
    "NMSExplorer": ("notebooks/12_detection_segmentation_intro.html", "IoU threshold"),
    "PrecisionRecall": ("notebooks/12_detection_segmentation_intro.html", "confidence threshold"),
    "TransposedConvolution": ("notebooks/12_detection_segmentation_intro.html", "output padding"),
    "LayerCalculator": ("book/shape_calculator.html", "kind of layer"),
    "UNetShapes": ("notebooks/12_detection_segmentation_intro.html", "first channels"),
}

# A section that comes near the screen gets its true height, and what stands below it moves: a reader scrolls on.
COME_TO = """async (root) => {
  for (const end = Date.now() + 60_000; root.dataset.state !== 'ready';) {
    if (Date.now() > end) throw new Error('the widget never listens');
    root.scrollIntoView({block: 'center', behavior: 'instant'});
    await new Promise((go) => setTimeout(go, 30));
  }
}"""

WAIT = """async (arg) => {
  const holds = HOLDS;
  for (const end = Date.now() + 30_000; !holds(arg); await new Promise((go) => setTimeout(go, 30))) {
    if (Date.now() > end) throw new Error(`waited for ${holds}`);
  }
}"""


def find_widget(page, name):
    """Return the root of a widget on its page of ``WIDGETS``; of several quizzes it is the first."""
    control = page.locator(".cnn-name, .cnn-blank-button, .cnn-question button",
                           has_text=re.compile(f"^{re.escape(WIDGETS[name][1])}$"))
    return page.locator(".cnn-widget").filter(has=control).first


def come_to(root):
    """Scroll until a widget is on the screen and listens, and return it."""
    root.evaluate(COME_TO)
    return root


def wait_until(page, function, arg=None):
    """Return when a function of the page is true.

    Playwright's own way lets the page evaluate a text again and again, which its Content-Security-Policy forbids.
    """
    page.evaluate(WAIT.replace("HOLDS", function), arg)
