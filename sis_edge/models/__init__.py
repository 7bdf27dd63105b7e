"""A spec and a graph as a torch network."""

from sis_edge.models.sisnet import SisLayer, SisNet

__all__ = ["SisLayer", "SisNet"]
