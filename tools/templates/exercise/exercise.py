"""An exercise of chapter 00: what several windows leave of a row."""
# Replace: the right answer, the cases, and the mistakes that readers make, with a hint that gives nothing away.
from cnnlib.exercises._check import Exercise, Mistake

TEMPLATE_TASK = Exercise(
    name="template_task",
    objective=1,
    reference=lambda size, kernel_sizes: size - sum(kernel_size - 1 for kernel_size in kernel_sizes),
    cases=((5, (3,)), (10, (3, 3)), (12, (2, 5, 1))),
    mistakes=(
        Mistake("whole-window-lost",
                "you take the whole window away each time. How many places has a window of 3 in a row of 3?",
                lambda size, kernel_sizes: size - sum(kernel_sizes)),
        Mistake("one-side-only",
                "you take away half a window each time. A window stops at both ends of the row.",
                lambda size, kernel_sizes: size - sum((kernel_size - 1) // 2 for kernel_size in kernel_sizes)),
        Mistake("first-window-only",
                "you slide the first window and forget the others.",
                lambda size, kernel_sizes: size - kernel_sizes[0] + 1),
        Mistake("largest-window-only",
                "you slide the largest window alone. The others take something away as well.",
                lambda size, kernel_sizes: size - max(kernel_sizes) + 1),
        Mistake("nothing-lost",
                "you return the row's own length. That would need padding.",
                lambda size, kernel_sizes: size),
    ),
)
