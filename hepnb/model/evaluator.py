"""Rates, likelihood and derivatives of a model at many points at once, and its data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.model.expectation import cell_rates
from hepnb.model.fit_model import FitModel
from hepnb.model.likelihood import NO_RATE, HistFactoryLikelihood
from hepnb.model.numbers import as_numbers
from hepnb.typing import FloatArray

__all__ = ["Evaluator"]


class Evaluator(FitModel):
    """What :class:`hepnb.Model` evaluates; the model sets the attributes.

    Attributes
    ----------
    likelihood : HistFactoryLikelihood
        The compiled likelihood.
    data : ndarray, shape (n_bins + n_aux,)
        Observed counts and auxiliary data.
    n_bins, n_parameters : int
        Sizes.
    channels, samples : tuple of str
        In the order of the arrays.
    channel_slices : dict of str to slice
        The bins of a channel.
    """

    likelihood: HistFactoryLikelihood
    data: FloatArray
    n_bins: int
    n_parameters: int
    channels: tuple[str, ...]
    samples: tuple[str, ...]
    channel_slices: dict[str, slice]

    def expected(self, pars: ArrayLike) -> FloatArray:
        """Expected rate of every bin.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray, shape (..., n_bins)
            Events per bin, channels in the order of ``channels``.
        """
        points, shape = self._points(pars)
        rates = self._visible(self.likelihood.bin_rates(points))
        return rates.reshape(*shape, self.n_bins)

    def expected_by_sample(self, pars: ArrayLike) -> FloatArray:
        """Expected rate of every sample in every bin.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray, shape (..., n_samples, n_bins)
            Events; 0 where a channel has no such sample.
        """
        points, shape = self._points(pars)
        compiled = self.likelihood.compiled
        rates = np.zeros((len(points), len(self.samples), self.n_bins))
        rates[:, compiled.cell_sample, compiled.cell_bin] = self._visible(cell_rates(compiled, points).cells)
        return rates.reshape(*shape, len(self.samples), self.n_bins)

    def nonpositive_bins(self, pars: ArrayLike) -> tuple[str, ...]:
        """Name the bins in which a rate is not positive.

        Parameters
        ----------
        pars : array_like, shape (n_parameters,)
            One parameter point.

        Returns
        -------
        tuple of str
            Such as ``"channel 'SR' bin 2"``, counted from 0. With ``positivity="root"`` also the bins in
            which the rate of a sample was clipped.

        Examples
        --------
        >>> import hepnb
        >>> from hepnb.workspace import correlated_background
        >>> model = hepnb.Model(correlated_background([1.0, 1.0], [5.0, 5.0], [6.0, 8.0], [4.0, 2.0]))
        >>> model.nonpositive_bins([-2.0, 0.0])
        ("channel 'single_channel' bin 1",)
        """
        points, _ = self._points(pars)
        compiled = self.likelihood.compiled
        rates = cell_rates(compiled, points[:1])
        # A factor of 0 is kept at 1e-80; see expectation.py.
        bad = ~(rates.bins[0] > (NO_RATE if compiled.has_faint else 1e-60))
        if compiled.floor is not None:
            bad[compiled.cell_bin[rates.kappa[0] == 0]] = True
        return tuple(
            f"channel {channel!r} bin {place}"
            for channel, where in self.channel_slices.items()
            for place in np.flatnonzero(bad[where])
        )

    def expected_data(self, pars: ArrayLike, include_auxdata: bool = True) -> FloatArray:
        """Expected rate of every bin, and the expected auxiliary data.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.
        include_auxdata : bool
            Append the auxiliary data.

        Returns
        -------
        ndarray, shape (..., n_bins [+ n_aux])
            The Asimov data of each point.
        """
        rates = self.expected(pars)
        if not include_auxdata:
            return rates
        aux = self.likelihood.constraints.expected(np.asarray(pars, dtype=float))
        return np.concatenate([rates, aux], axis=-1)

    def twice_nll(self, pars: ArrayLike, data: ArrayLike | None = None) -> FloatArray:
        """Minus twice the logarithm of the likelihood, with every constant.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.
        data : array_like, shape (..., n_data), optional
            Bins and auxiliary data; the observed ones by default.

        Returns
        -------
        ndarray, shape (...,)
            nan where a bin's rate is negative, or zero with data in it.
        """
        points, counts, shape = self._both(pars, data)
        value = self.likelihood.objective(points, counts).value + self.likelihood.constant(counts)
        outside = np.isinf(value) | self.likelihood.impossible(points, counts)
        return np.where(outside, np.nan, value).reshape(shape)

    def logpdf(self, pars: ArrayLike, data: ArrayLike | None = None) -> FloatArray:
        """Logarithm of the likelihood, with every constant.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.
        data : array_like, shape (..., n_data), optional
            Bins and auxiliary data; the observed ones by default.

        Returns
        -------
        ndarray, shape (...,)
            -0.5 times :meth:`twice_nll`.
        """
        return -0.5 * self.twice_nll(pars, data)

    def gradient(self, pars: ArrayLike, data: ArrayLike | None = None) -> FloatArray:
        """Gradient of :meth:`twice_nll`.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.
        data : array_like, shape (..., n_data), optional
            Bins and auxiliary data; the observed ones by default.

        Returns
        -------
        ndarray, shape (..., n_parameters)
            Exact, not by differences.
        """
        points, counts, shape = self._both(pars, data)
        return self.likelihood.objective(points, counts, 1).gradient.reshape(*shape, self.n_parameters)

    def curvature(self, pars: ArrayLike, data: ArrayLike | None = None) -> FloatArray:
        """Second derivatives of :meth:`twice_nll`.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.
        data : array_like, shape (..., n_data), optional
            Bins and auxiliary data; the observed ones by default.

        Returns
        -------
        ndarray, shape (..., n_parameters, n_parameters)
            Exact, not by differences; symmetric.
        """
        points, counts, shape = self._both(pars, data)
        curvature = self.likelihood.objective(points, counts, 2).curvature
        return curvature.reshape(*shape, self.n_parameters, self.n_parameters)

    def check_data(self, data: ArrayLike | None) -> FloatArray:
        """Complete and check data.

        Parameters
        ----------
        data : array_like, shape (..., n_bins) or (..., n_bins + n_aux), optional
            Bins with or without auxiliary data; nothing for the observed ones.

        Returns
        -------
        ndarray, shape (..., n_bins + n_aux)
            Complete data.

        Raises
        ------
        ModelError
            Wrong length, negative or undefined entries.
        """
        if data is None:
            return self.data
        counts = as_numbers(data, "data")
        n_aux = self.data.size - self.n_bins
        size = counts.shape[-1] if counts.ndim else 0
        if size == self.n_bins and n_aux:
            aux = np.broadcast_to(self.data[self.n_bins :], (*counts.shape[:-1], n_aux))
            counts = np.concatenate([counts, aux], axis=-1)
        elif size != self.data.size:
            raise ModelError(
                f"data have {size} entries, the model {self.n_bins} bins and {n_aux} auxiliary data "
                f"(channels {', '.join(map(repr, self.channels))}). Give the bins, or both."
            )
        main = counts[..., : self.n_bins]
        bad = ~np.isfinite(counts)
        bad[..., : self.n_bins] |= main < 0
        if bad.any():
            place = int(np.argwhere(bad)[0][-1])
            what = f"bin {place}" if place < self.n_bins else f"auxiliary datum {place - self.n_bins}"
            raise ModelError(
                f"data: {what} is {counts[bad][0]}. Counts must be finite and not negative, "
                "auxiliary data finite."
            )
        return counts

    def _visible(self, rates: FloatArray) -> FloatArray:
        """Show no faint rates, which stand for none; see :class:`~hepnb.model.compile.Compiled`."""
        if not self.likelihood.compiled.has_faint:
            return rates
        return np.where(np.abs(rates) < NO_RATE, 0.0, rates)

    def _both(
        self, pars: ArrayLike, data: ArrayLike | None
    ) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
        points, shape = self._points(pars)
        counts = self.check_data(data)
        joint = np.broadcast_shapes(shape, counts.shape[:-1])
        flat = np.broadcast_to(points.reshape(*shape, -1), (*joint, self.n_parameters))
        counts = np.broadcast_to(counts, (*joint, counts.shape[-1]))
        return flat.reshape(-1, self.n_parameters), counts.reshape(-1, counts.shape[-1]), joint
