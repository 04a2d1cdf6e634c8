# SPDX-License-Identifier: Apache-2.0
"""Numbers of the oracle: a value in double precision with a bound on what an implementation may err by.

The bounds follow each operation (running error analysis, Higham, "Accuracy and Stability of Numerical Algorithms",
chapter 3): what the operands err by, carried through, plus the rounding of the result to its dtype. An implementation
that keeps intermediate results in a wider type errs by less. An infinite bound says that nothing is known, as where an
operand of a comparison lies too close to the other one.
"""

import math

UNKNOWN = math.inf
DTYPES = ["bool", "u8", "i8", "i32", "i64", "f16", "bf16", "f32", "f64"]  # in the order of promotion
CPP = {"bool": "bool", "u8": "std::uint8_t", "i8": "std::int8_t", "i32": "std::int32_t", "i64": "std::int64_t",
       "f16": "fx::f16", "bf16": "fx::bf16", "f32": "float", "f64": "double"}
ROUNDING = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-23, "f64": 2.0**-52}
DIGITS = {"f16": 11, "bf16": 8, "f32": 24}
ACCUMULATED = {"f16": 2.0**-23, "bf16": 2.0**-23, "f32": 2.0**-23, "f64": 2.0**-52}
SMALLEST = {"f16": 2.0**-24, "bf16": 1e-37, "f32": 1e-37, "f64": 1e-300}
LARGEST = {"f16": 6e4, "bf16": 1e30, "f32": 1e30, "f64": 1e250}
RANGE = {"bool": (0, 1), "u8": (0, 255), "i8": (-128, 127), "i32": (-2**31, 2**31 - 1), "i64": (-2**53, 2**53)}


def is_floating(dtype):
    return dtype in ROUNDING


def is_integer(dtype):
    return dtype in ("u8", "i8", "i32", "i64")


def promote(a, b):
    """What two tensors promote to in PyTorch, without its 16-bit integer."""
    if {a, b} == {"u8", "i8"}:
        return "i32"
    if {a, b} == {"f16", "bf16"}:
        return "f32"
    return max(a, b, key=DTYPES.index)


def round_to(dtype, x):
    """The nearest value of a floating dtype, ties to even; far from the ends of its range."""
    if dtype == "f64" or x == 0 or math.isinf(x) or math.isnan(x):
        return x
    last = max(math.frexp(x)[1] - DIGITS[dtype], math.frexp(SMALLEST[dtype])[1] - 1)
    return math.ldexp(round(math.ldexp(x, -last)), last)


def rounded(dtype, v, e, ulps=1):
    """A result of `ulps` roundings in a dtype; unknown where it comes near the end of its range."""
    if e == UNKNOWN or not abs(v) + e < LARGEST[dtype]:
        return 0.0, UNKNOWN
    return v, e + ulps * (ROUNDING[dtype] * (abs(v) + e) + SMALLEST[dtype])


def integral(dtype, v, e):
    """An integer result: narrow types wrap, and wide ones are unknown out of range."""
    if e != 0:
        return 0, UNKNOWN
    low, high = RANGE[dtype]
    if dtype in ("u8", "i8"):
        return (v - low) % 256 + low, 0
    return (v, 0) if low <= v <= high else (0, UNKNOWN)


def cast(v, e, source, dtype):
    if source == dtype:
        return v, e
    if e == UNKNOWN:
        return 0, UNKNOWN
    if dtype == "bool":
        return (0, UNKNOWN) if e > 0 and abs(v) <= e else (int(v != 0), 0)
    if is_floating(dtype):
        if e == 0 and abs(v) < LARGEST[dtype]:
            return round_to(dtype, float(v)), 0.0
        widens = is_floating(source) and ROUNDING[source] >= ROUNDING[dtype] and {source, dtype} != {"f16", "bf16"}
        return (v, e) if widens else rounded(dtype, float(v), e)
    if is_floating(source):
        low, high = RANGE[dtype]
        ends = [min(max(math.trunc(x), low), high) for x in (v - e, v + e)]
        beyond_doubles = dtype == "i64" and (ends[0] == low or ends[1] == high)
        return (0, UNKNOWN) if ends[0] != ends[1] or beyond_doubles else (ends[0], 0)
    if e != 0:
        return 0, UNKNOWN
    low, high = RANGE[dtype]
    return (v, 0) if dtype == "i64" else ((v - low) % (high - low + 1) + low, 0)


def add(dtype, a, b, sign=1):
    (x, p), (y, q) = a, b
    return rounded(dtype, x + sign * y, p + q) if is_floating(dtype) else integral(dtype, x + sign * y, p + q)


def multiply(dtype, a, b):
    (x, p), (y, q) = a, b
    if not is_floating(dtype):
        return integral(dtype, x * y, p + q)
    if UNKNOWN in (p, q):
        return 0.0, UNKNOWN
    return rounded(dtype, x * y, abs(x) * q + abs(y) * p + p * q)


def divide(dtype, a, b):
    (x, p), (y, q) = a, b
    if UNKNOWN in (p, q) or abs(y) <= 2 * q or y == 0:
        return 0.0, UNKNOWN
    return rounded(dtype, x / y, (p + abs(x / y) * q) / (abs(y) - q), 3)


def compare(a, b, holds):
    """A comparison: unknown where the operands' bounds overlap."""
    (x, p), (y, q) = a, b
    if p + q > 0 and not abs(x - y) > p + q:
        return 0, UNKNOWN
    return int(holds(x, y)), 0


def extremum(a, b, pick):
    (x, p), (y, q) = a, b
    if UNKNOWN in (p, q):
        return x, UNKNOWN
    return pick(x, y), max(p, q)


def accumulated(dtype, terms):
    """A sum in the type that sums are computed in, rounded once to the dtype."""
    if not is_floating(dtype):
        return integral(dtype, sum(v for v, _ in terms), max((e for _, e in terms), default=0))
    error = sum(e for _, e in terms)
    if error == UNKNOWN:
        return 0.0, UNKNOWN
    size = sum(abs(v) + e for v, e in terms)
    return rounded(dtype, math.fsum(v for v, _ in terms), error + (len(terms) + 2) * ACCUMULATED[dtype] * size)


def monotone(f):
    """The bound of an increasing or decreasing function: what it does at the ends of the operand's range."""
    def bound(v, e):
        y = f(v)
        return y, max(abs(f(v + e) - y), abs(f(v - e) - y))
    return bound


def lipschitz(f, slope):
    def bound(v, e):
        return f(v), slope * e
    return bound


def exponential(v, e):
    if max(v, 0) + e > 300:
        return 0.0, UNKNOWN
    return math.exp(v), math.exp(v) * math.expm1(e)


def steps(f):
    """A step function: unknown where the operand's range holds a step."""
    def bound(v, e):
        return (f(v), 0.0) if f(v - e) == f(v + e) else (0.0, UNKNOWN)
    return bound


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


# name -> (value and bound of the operand's part, roundings of the implementation, C++ with {0} for the operand)
UNARY = {
    "neg": (lipschitz(lambda x: -x, 1), 0, "-{0}"),
    "abs": (lipschitz(abs, 1), 0, "fx::abs({0})"),
    "relu": (lipschitz(lambda x: max(x, 0.0), 1), 0, "fx::relu({0})"),
    "exp": (exponential, 4, "fx::exp({0})"),
    "sigmoid": (lipschitz(sigmoid, 0.26), 8, "fx::sigmoid({0})"),
    "silu": (lipschitz(lambda x: x * sigmoid(x), 1.1), 8, "fx::silu({0})"),
    "tanh": (lipschitz(math.tanh, 1), 4, "fx::tanh({0})"),
    "erf": (lipschitz(math.erf, 1.13), 4, "fx::erf({0})"),
    "gelu": (lipschitz(lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2)), 1.2), 16, "fx::gelu({0})"),
    "sin": (lipschitz(math.sin, 1), 8, "fx::sin({0})"),
    "cos": (lipschitz(math.cos, 1), 8, "fx::cos({0})"),
    "floor": (steps(lambda x: float(math.floor(x))), 0, "fx::floor({0})"),
    "round": (steps(lambda x: float(round(x))), 0, "fx::round({0})"),
    "square": (lambda v, e: (v * v, (2 * abs(v) + e) * e), 1, "{0} * {0}"),
    "sqrt": (monotone(lambda x: math.sqrt(max(x, 0.0))), 2, "fx::sqrt({0})"),
    "rsqrt": (monotone(lambda x: 1 / math.sqrt(x) if x > 0 else UNKNOWN), 3, "fx::rsqrt({0})"),
    "log": (monotone(lambda x: math.log(x) if x > 0 else -UNKNOWN), 4, "fx::log({0})"),
}


def unary(dtype, name, v, e):
    if e == UNKNOWN or abs(v) > 1e100:
        return 0.0, UNKNOWN
    f, ulps, _ = UNARY[name]
    y, error = f(v, e)
    if math.isnan(y + error) or math.isinf(y + error):
        return 0.0, UNKNOWN
    # A constant part: gelu and log cancel near their zeros.
    return rounded(dtype, y, error + (ulps * ACCUMULATED[dtype] if ulps > 3 else 0), max(ulps, 1))
