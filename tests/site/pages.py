"""The pages of the website, what is done on each of them, and what axe says of one."""
from axe_playwright_python.sync_playwright import Axe

from tests.site.reader import NARROW, WIDE

BOOK = ["book/index", "book/how_to_use", "book/progress", "book/mnemonics", "book/pytorch_sheet",
        "book/error_decoder", "book/errata", "book/formula_sheet", "book/shape_calculator", "book/model_table",
        "book/misconceptions", "book/instructor_guide", "book/topics", "book/glossary", "book/references"]
CHAPTERS = ["notebooks/00_before_you_start", "notebooks/01_why_convolution", "notebooks/02_convolution_math",
            "notebooks/03_convolution_from_scratch", "notebooks/04_pooling_layers",
            "notebooks/05_cnn_architecture", "notebooks/06_cnn_backprop", "notebooks/07_classic_architectures",
            "notebooks/07a_inception_family", "notebooks/07b_residual_family", "notebooks/08_transfer_learning",
            "notebooks/09_feature_visualization", "notebooks/10_modern_efficient_architectures",
            "notebooks/11_attention_mechanisms", "notebooks/12_detection_segmentation_intro"]
PAGES = [*BOOK, *CHAPTERS]
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    if (!entry.hadRecentInput) sum += entry.value;
  })).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 300);
})"""
OPEN_ALL = """async () => {
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  for (let y = 0; y < document.body.scrollHeight; y += 0.8 * innerHeight) {
    scrollTo({top: y, behavior: 'instant'});
    await frame();
  }
  for (const root of document.querySelectorAll('.cnn-widget')) {
    root.scrollIntoView({behavior: 'instant'});
    while (root.dataset.state !== 'ready') await frame();
  }
}"""


def open_all(page):
    """Scroll to the end, so that everything lazy is loaded and every widget mounted."""
    page.evaluate(OPEN_ALL)


def violations(page):
    """Return the rules of axe that a page breaks: all that are on by themselves, and the size of targets (WCAG 2.2)."""
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    return Axe().run(page, options=options).response["violations"]


def violations_in_all_ways(page):
    """Return the violations of a page at both widths and in both schemes, with what breaks the rule."""
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        open_all(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [(size, scheme, rule["id"], [node["html"][:200] for node in rule["nodes"]][:3])
                      for rule in violations(page)]
    return found
