"""The book's short names for PyTorch's functions, and for methods written as functions."""

import torch
from torch import Tensor

abs = torch.abs
arange = torch.arange
concat = torch.cat
cos = torch.cos
cosh = torch.cosh
exp = torch.exp
eye = torch.eye
float32 = torch.float32
int32 = torch.int32
linspace = torch.linspace
log = torch.log
matmul = torch.matmul
meshgrid = torch.meshgrid
nn_Module = torch.nn.Module
normal = torch.normal
ones = torch.ones
rand = torch.rand
sin = torch.sin
sinh = torch.sinh
stack = torch.stack
tanh = torch.tanh
tensor = torch.tensor
zeros = torch.zeros


def _method(name: str):
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


argmax = _method("argmax")
astype = _method("type")
reduce_sum = _method("sum")
reshape = _method("reshape")
size = _method("numel")
to = _method("to")
transpose = _method("t")


def numpy(x: Tensor, *args, **kwargs):
    """`x` as an array that shares its memory, without its gradient."""
    return x.detach().numpy(*args, **kwargs)
