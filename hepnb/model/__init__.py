"""The compiled model: rates, likelihood and their derivatives for batches of points."""

from __future__ import annotations

from hepnb.model.fit_model import FitModel, ModelLikelihood, one_data_set
from hepnb.model.likelihood import HistFactoryLikelihood, Objective
from hepnb.model.model import Model
from hepnb.model.numbers import as_numbers, as_points
from hepnb.model.operator import Operator
from hepnb.model.parameters import Parameter
from hepnb.model.settings import INTERPOLATIONS, ModelSettings

__all__ = [
    "INTERPOLATIONS",
    "FitModel",
    "HistFactoryLikelihood",
    "Model",
    "ModelLikelihood",
    "ModelSettings",
    "Objective",
    "Operator",
    "Parameter",
    "as_numbers",
    "as_points",
    "one_data_set",
]
