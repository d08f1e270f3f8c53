"""Models in JAX: differentiable likelihoods, and fits of many toys on a GPU.

Nothing here is imported unless it is asked for, by :meth:`hepnb.Model.as_jax` or by ``device=``. JAX comes
with ``pip install 'hepnb[jax]'``, with support for NVIDIA GPUs with ``pip install 'jax[cuda13]'`` besides.
What is evaluated are the arrays of :class:`hepnb.model.compile.Compiled`, the same ones that the numpy core
evaluates.
"""

from __future__ import annotations

from typing import Any

from hepnb.accelerated.devices import as_device, gpu, needs_double_precision

__all__ = ["as_device", "differentiable", "gpu"]


def differentiable(model: Any) -> Any:
    """Return a model as functions of JAX; see :meth:`hepnb.Model.as_jax`.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    hepnb.accelerated.jax_model.JaxModel
        Its rates and its likelihood.

    Raises
    ------
    AcceleratorError
        JAX is not installed, or computes with 32 bits.
    """
    needs_double_precision("as_jax()")
    from hepnb.accelerated.jax_model import JaxModel  # noqa: PLC0415  # it imports JAX

    return JaxModel(model)
