"""Make one block of what a cell prints: the kernel sends it in pieces, cut wherever its clock says."""
import myst_nb.core.render


def use_whole():
    """Let MyST-NB join the pieces as they were printed; its own way, ``nb_merge_streams``, breaks lines at the cuts."""
    myst_nb.core.render.coalesce_streams = join


def join(outputs):
    r"""Return a cell's outputs with neighbouring pieces of the same stream in one.

    >>> pieces = [{"output_type": "stream", "name": "stdout", "text": text} for text in ("7 ", "8\n")]
    >>> [output["text"] for output in join(pieces)]
    ['7 8\n']
    """
    joined = []
    for output in outputs or ():
        before = joined[-1] if joined else {}
        if output["output_type"] == "stream" and before.get("name") == output["name"]:
            joined[-1] = type(output)({**before, "text": before["text"] + output["text"]})
        else:
            joined.append(output)
    return joined
