"""nbgrader for the instructor: the course's own settings, and where the exchange is."""
import os

c = get_config()  # noqa: F821
load_subconfig(os.path.join(os.environ["CNN_COURSE"], "nbgrader_config.py"))  # noqa: F821
c.Exchange.root = os.environ["CNN_EXCHANGE"]
