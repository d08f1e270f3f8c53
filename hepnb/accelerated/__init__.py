"""Models in JAX: differentiable likelihoods, and fits of many toys on a GPU.

Nothing here is imported unless it is asked for, by :meth:`hepnb.Model.as_jax` or by ``device=``. JAX comes
with ``pip install 'hepnb[jax]'``, with support for NVIDIA GPUs with ``pip install 'jax[cuda13]'`` besides.
What is evaluated are the arrays of :class:`hepnb.model.compile.Compiled`, the same ones that the numpy core
evaluates.
"""

from __future__ import annotations

from typing import Any

from hepnb.accelerated.devices import as_device, check_device, gpu, needs_double_precision, usable_gpu

__all__ = ["as_device", "check_device", "differentiable", "fits_at_once", "gpu", "on_device", "usable_gpu"]


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


def on_device(model: Any, device: Any) -> Any:
    """Return a model whose fits are done on a device of JAX, where there are many.

    Parameters
    ----------
    model : FitModel
        A model of HistFactory.
    device : {"cpu", "gpu"}, jax.Device, or None
        As for :func:`as_device`.

    Returns
    -------
    FitModel
        The same model for the numpy core.

    Raises
    ------
    AcceleratorError
        There is no such device, or the model is of another kind.
    """
    found = as_device(device)
    if found is None:
        return model
    from hepnb.accelerated import likelihood  # noqa: PLC0415  # it imports JAX

    return likelihood.on_device(model, found)


def fits_at_once(model: Any, device: Any) -> int:
    """Return how many fits of a model go to a device together; 0 for the numpy core.

    Parameters
    ----------
    model : FitModel
        A model of HistFactory.
    device : {"cpu", "gpu"}, jax.Device, or None
        As for :func:`as_device`.

    Returns
    -------
    int
        As many as half of the memory that is free there holds.
    """
    there = on_device(model, device)
    return 0 if there is model else int(there.likelihood.lanes_at_once)
