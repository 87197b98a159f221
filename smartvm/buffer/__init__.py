"""The elastic Buffer of feature maps."""

from smartvm.buffer.buffer import Buffer

__all__ = ["Buffer"]
