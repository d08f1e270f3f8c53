"""JAX, its double precision and its devices: found, or missed with the remedy."""

from __future__ import annotations

import importlib.util
from typing import Any

from hepnb.errors import AcceleratorError, OptionError

__all__ = ["as_device", "check_device", "gpu", "load_jax", "needs_double_precision", "usable_gpu"]


_INSTALL = "pip install 'hepnb[jax]', and for an NVIDIA GPU pip install 'jax[cuda13]' as well"


def load_jax() -> Any:
    """Import JAX.

    Returns
    -------
    module
        ``jax``.

    Raises
    ------
    AcceleratorError
        It is not installed, or cannot be imported.
    """
    try:
        import jax  # noqa: PLC0415  # large, optional
    except ImportError as error:
        missing = importlib.util.find_spec("jax") is None
        reason = "is not installed" if missing else f"cannot be imported ({error})"
        raise AcceleratorError(f"JAX {reason}: {_INSTALL}.") from None
    return jax


def needs_double_precision(what: str) -> Any:
    """Import JAX and make sure that it computes with 64 bits.

    Parameters
    ----------
    what : str
        What needs it, for the message.

    Returns
    -------
    module
        ``jax``.

    Raises
    ------
    AcceleratorError
        JAX is missing, or computes with 32 bits, which is its default.
    """
    jax = load_jax()
    if jax.numpy.result_type(float) != "float64":
        raise AcceleratorError(
            f"{what} needs 64 bits, and JAX computes with 32: too few for a likelihood. "
            "Call jax.config.update('jax_enable_x64', True) before anything else is done with JAX, or set "
            "JAX_ENABLE_X64=1 in the environment."
        )
    return jax


def gpu() -> Any:
    """Return the first GPU of JAX, or None if there is none, or no JAX.

    Returns
    -------
    jax.Device or None
        It is not checked that JAX computes with 64 bits.
    """
    if importlib.util.find_spec("jax") is None:
        return None
    try:
        found = load_jax().devices("gpu")
    except (AcceleratorError, RuntimeError):  # JAX's own for a platform that it does not have
        return None
    return found[0] if found else None


def usable_gpu() -> tuple[Any, str]:
    """Return a GPU for toys if there is one, and what to say of it.

    Returns
    -------
    device : jax.Device or None
        None for the numpy core.
    words : str
        Where the toys are done, or why the GPU is not used; empty where there is none.
    """
    found = gpu()
    if found is None:
        return None, ""
    if load_jax().numpy.result_type(float) != "float64":
        return None, (
            f"({found} is not used: JAX computes with 32 bits. jax.config.update('jax_enable_x64', True))"
        )
    return found, f"on {found}"


def check_device(device: Any, executor: Any) -> None:
    """Raise an error unless toys can be done on a device.

    Parameters
    ----------
    device : {"cpu", "gpu"}, jax.Device, or None
        As for :func:`as_device`.
    executor : Executor or None
        Who does the batches. A worker takes the first GPU that it has.

    Raises
    ------
    AcceleratorError
        As for :func:`as_device`; where workers do the batches, they look for their GPU themselves.
    OptionError
        A device of this process is to be used by workers.
    """
    if executor is None or device is None or device == "cpu":
        as_device(device)
    elif not (isinstance(device, str) and device == "gpu"):
        raise OptionError(
            f"device={device!r:.60} belongs to this process, and an executor is given. Use device='gpu', the "
            "first GPU of each worker, or no executor."
        )


def as_device(device: Any) -> Any:
    """Return the device of JAX that is meant by a ``device=`` argument.

    Parameters
    ----------
    device : {"cpu", "gpu"}, jax.Device, or None
        ``"cpu"``, or None, is the numpy core; ``"gpu"`` is the first GPU of JAX.

    Returns
    -------
    jax.Device or None
        None for the numpy core.

    Raises
    ------
    AcceleratorError
        JAX is missing, has no GPU, or computes with 32 bits; or it is something else.

    Examples
    --------
    >>> as_device("cpu") is None
    True
    """
    if device is None or (isinstance(device, str) and device == "cpu"):
        return None
    what = f"device={device!r:.60}"
    if isinstance(device, str) and device == "gpu":
        jax = needs_double_precision("device='gpu'")
        found = gpu()
        if found is None:
            known = ", ".join(map(str, jax.devices()))
            raise AcceleratorError(
                f"device='gpu': JAX finds no GPU here, only {known}. Install JAX with CUDA, "
                "pip install 'jax[cuda13]', on a machine with an NVIDIA GPU, or use device='cpu'."
            )
        return found
    if all(hasattr(device, name) for name in ("platform", "id", "process_index")):
        needs_double_precision(what)
        return device
    raise AcceleratorError(f"{what} is no device. Use 'cpu', 'gpu' or one of jax.devices().")
