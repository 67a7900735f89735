import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small tensors are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
