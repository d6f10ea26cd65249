"""Settings for all tests: the same examples on every run, one thread for PyTorch."""
import torch
from hypothesis import HealthCheck, settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")
torch.set_num_threads(1)
