# SPDX-License-Identifier: Apache-2.0
"""Fits the polynomials of include/fuse/math and prints their coefficients, the highest power first.

    python3 minimax.py [NAME...]        (needs mpmath and numpy)

Each is the polynomial of a given degree that minimises the largest relative error of the function it is part of: by
Lawson's iteration, which solves a least-squares problem and multiplies the weight of each point by its error, until the
largest errors are equal. Coefficients are rounded to the type that uses them one at a time, lowest order first, and the
others are fitted again after each. The powers of two printed are the largest relative error before and after rounding.
"""
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 40


def lawson(basis, target, weight, iterations):
    """Coefficients c that minimise max |weight (target - basis c)|, and that maximum."""
    importance = np.ones(len(target)) / len(target)
    best = None
    for _ in range(iterations):
        factor = np.sqrt(importance) * weight
        scale = np.max(np.abs(basis * factor[:, None]), axis=0)
        scale[scale == 0] = 1
        solution = np.linalg.lstsq(basis * factor[:, None] / scale, target * factor, rcond=None)[0] / scale
        error = np.abs(weight * (target - basis @ solution))
        if best is None or error.max() < best[1]:
            best = solution, error.max()
        importance *= error / error.max() + 1e-12
        importance /= importance.sum()
    return best


def fit(function, degree, weight, low, high, rounding, points):
    low, high = mp.mpf(low), mp.mpf(high)
    x = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / points) for i in range(points + 1)]
    rest = [function(v) for v in x]
    weights = np.array([float(weight(v)) for v in x])
    powers = [[v**k for v in x] for k in range(degree + 1)]
    coefficients, ideal = [], None
    for k in range(degree + 1):
        basis = np.array([[float(v) for v in powers[j]] for j in range(k, degree + 1)]).T
        solution, error = lawson(basis, np.array([float(v) for v in rest]), weights, 80 if k else 300)
        ideal = ideal or error
        coefficients.append(rounding(solution[0]))
        rest = [r - mp.mpf(float(coefficients[k])) * p for r, p in zip(rest, powers[k])]
    rounded = max(abs(float(r)) * w for r, w in zip(rest, weights))
    return coefficients, ideal, rounded


def root(z):
    return mp.sqrt(z)


def even_part(f, at_zero, cutoff=1e-12):
    """(f(x) / x - 1) / x^2 as a function of x^2: the P of f(x) = x + x^3 P(x^2)."""
    return (lambda z: (f(root(z)) / root(z) - 1) / z if z > cutoff else at_zero + 0 * z,
            lambda z: z / (f(root(z)) / root(z)) if z > 0 else 0)


half_log2 = mp.log(2) / 2 * mp.mpf("1.0005")
quarter_pi = mp.pi / 4 * mp.mpf("1.001")


def exp_rest(r):
    return (mp.exp(r) - 1 - r) / r**2 if abs(r) > 1e-12 else mp.mpf(1) / 2 + r / 6


def log_rest(f):
    return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > 1e-10 else mp.mpf(1) / 3 - f / 4


def log2_quotient(z):
    s = root(z)
    return mp.log((1 + s) / (1 - s)) / s / mp.log(2) if z > 1e-20 else 2 / mp.log(2) * (1 + z / 3)


def cos_rest(z):
    return (mp.cos(root(z)) - 1 + z / 2) / z**2 if z > 1e-8 else mp.mpf(1) / 24 - z / 720


def erf_quotient(z):
    return mp.erf(root(z)) / root(z) - 1 if z > 1e-20 else 2 / mp.sqrt(mp.pi) * (1 - z / 3) - 1


def erfc_tail(t):
    x = (1 / t - 1) / mp.mpf("0.4")
    return mp.exp(x * x) * mp.erfc(x) / t


def log2_tail(a):
    return mp.log(mp.ncdf(-a), 2)


def fits():
    """name: function, degree, weight, interval, rounding, points"""
    f32, f64 = np.float32, np.float64
    sin, tanh = even_part(mp.sin, -mp.mpf(1) / 6), even_part(mp.tanh, -mp.mpf(1) / 3)
    sinh = even_part(mp.sinh, mp.mpf(1) / 6)
    asin, atan = even_part(mp.asin, mp.mpf(1) / 6), even_part(mp.atan, -mp.mpf(1) / 3)
    s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    return {
        "exp": (exp_rest, 4, lambda r: r * r / mp.exp(r), -half_log2, half_log2, f32, 1500),
        "expm1": (exp_rest, 5, lambda r: r * r / abs(mp.expm1(r)) if r else 0, -half_log2, half_log2, f32, 1500),
        "exp2": (lambda r: (2**r - 1) / r if abs(r) > 1e-14 else mp.log(2), 5, lambda r: abs(r) / 2**r, "-0.5003",
                 "0.5003", f32, 1500),
        "log": (log_rest, 8, lambda f: abs(f**3 / mp.log1p(f)) if f else 0, mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, f32,
                1500),
        "log2 in f64": (log2_quotient, 5, lambda z: 1 / log2_quotient(z), 0, s * s, f64, 1500),
        "sin": (sin[0], 2, sin[1], 0, quarter_pi**2, f32, 1500),
        "cos": (cos_rest, 2, lambda z: z * z / mp.cos(root(z)), 0, quarter_pi**2, f32, 1500),
        "tanh": (tanh[0], 4, tanh[1], 0, mp.mpf("0.625")**2, f32, 1500),
        "sinh": (sinh[0], 3, sinh[1], 0, 1, f32, 1500),
        "asin": (asin[0], 5, asin[1], 0, "0.25", f32, 1500),
        "atan": (atan[0], 9, atan[1], 0, 1, f32, 1500),
        "erf": (erf_quotient, 6, lambda z: 1 / (1 + erf_quotient(z)), 0, 1, f32, 1500),
        "erfc": (erfc_tail, 8, lambda t: 1 / erfc_tail(t), 1 / mp.mpf("5.04"), 1 / mp.mpf("1.2"), f32, 400),
        "normal distribution": (log2_tail, 10, lambda a: 1 / max(1, abs(log2_tail(a)) / 2), 0, 6, f32, 400),
    }


for name, arguments in fits().items():
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    coefficients, ideal, rounded = fit(*arguments)
    suffix = "f" if arguments[5] is np.float32 else ""
    listed = ", ".join(f"{c!s}{suffix}" for c in reversed(coefficients))
    print(f"{name}: 2^{np.log2(ideal):.1f}, rounded 2^{np.log2(rounded):.1f}\n  {listed}")
