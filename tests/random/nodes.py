# SPDX-License-Identifier: Apache-2.0
"""Nodes of random programs: what operations element by element and along rows do to shapes, dtypes and values.

A node knows its values: every maker evaluates its operation with plain lists. A shape is a tuple of
(length, is static).
"""

import itertools
import math

import arithmetic as number

MOST_ELEMENTS = 3000
MOST_AXES = 4


class Invalid(Exception):
    """The operands do not fit the operation."""


def require(condition):
    if not condition:
        raise Invalid


class Node:
    def __init__(self, op, inputs, params, shape, dtype, data):
        require(len(data) == math.prod(n for n, _ in shape))
        require(0 < len(data) <= MOST_ELEMENTS and len(shape) <= MOST_AXES)
        # A run-time length of 1 does not broadcast: lengths that may meet others are at least 2, or known to be 1.
        require(all(n > 1 or static for n, static in shape))
        self.op, self.inputs, self.params = op, inputs, params
        self.shape, self.dtype, self.data = tuple(shape), dtype, data

    @property
    def lengths(self):
        return tuple(n for n, _ in self.shape)

    @property
    def rank(self):
        return len(self.shape)

    def is_leaf(self):
        return not self.inputs

    def known(self):
        return sum(e != number.UNKNOWN for _, e in self.data) / len(self.data)


MAKERS = {}


def maker(f):
    MAKERS[f.__name__] = f
    return f


def make(op, inputs, **params):
    return MAKERS[op](inputs, **params)


def strides_of(lengths):
    strides, step = [], 1
    for n in reversed(lengths):
        strides.insert(0, step)
        step *= n
    return strides


def gathered(x, lengths, place):
    """The elements of x at place(coordinates), for all coordinates in row-major order."""
    strides = strides_of(x.lengths)
    return [x.data[sum(i * s for i, s in zip(place(c), strides))] for c in itertools.product(*map(range, lengths))]


def broadcast_shape(*shapes):
    rank = max(map(len, shapes))
    result = []
    for axis in range(-rank, 0):
        found = [s[axis] for s in shapes if len(s) >= -axis]
        long = [d for d in found if d != (1, True)]
        require(len({n for n, _ in long}) <= 1)
        result.append((long[0][0], all(static for _, static in long)) if long else (1, True))
    return tuple(result)


def spread(x, shape):
    """x's elements, repeated to a shape that it broadcasts to."""
    if x.shape == shape:
        return x.data
    skip = len(shape) - x.rank
    return gathered(x, [n for n, _ in shape],
                    lambda c: [i if n > 1 else 0 for i, n in zip(c[skip:], x.lengths)])


def converted(data, source, dtype):
    return data if source == dtype else [number.cast(v, e, source, dtype) for v, e in data]


def rows(x):
    n = x.lengths[-1]
    return [x.data[i:i + n] for i in range(0, len(x.data), n)]


def promoted(*nodes):
    """Scalars promote tensors only across categories; the programs keep to one category or to wider tensors."""
    def category(d):
        return 2 if number.is_floating(d) else 1 if number.is_integer(d) else 0
    tensors = [n.dtype for n in nodes if n.rank > 0]
    scalars = [n.dtype for n in nodes if n.rank == 0]
    require(tensors)
    dtype = tensors[0]
    for d in tensors[1:]:
        dtype = number.promote(dtype, d)
    require(all(category(d) <= category(dtype) for d in scalars))
    return dtype


# ---- leaves ----

@maker
def argument(inputs, shape, dtype, data):
    return Node("argument", [], dict(shape=shape, dtype=dtype, data=data), shape, dtype, data)


@maker
def scalar(inputs, dtype, value):
    return Node("scalar", [], dict(dtype=dtype, value=value), (), dtype, [(value, 0)])


@maker
def literal(inputs, dtype, value):
    return Node("literal", [], dict(dtype=dtype, value=value), (), dtype, [(value, 0)])


# ---- element by element ----

@maker
def unary(inputs, name):
    (x,) = inputs
    require(x.rank > 0)
    if number.is_floating(x.dtype):
        return Node("unary", inputs, dict(name=name), x.shape, x.dtype,
                    [number.unary(x.dtype, name, v, e) for v, e in x.data])
    whole = {"neg": lambda v: -v, "abs": abs, "square": lambda v: v * v}
    require(x.dtype in ("i32", "i64", "i8") and name in whole)
    return Node("unary", inputs, dict(name=name), x.shape, x.dtype,
                [number.integral(x.dtype, whole[name](v), e) for v, e in x.data])


BINARY = {
    "add": ("({0} + {1})", number.add),
    "subtract": ("({0} - {1})", lambda d, a, b: number.add(d, a, b, -1)),
    "multiply": ("({0} * {1})", number.multiply),
    "divide": ("({0} / {1})", number.divide),
    "maximum": ("fx::max({0}, {1})", lambda d, a, b: number.extremum(a, b, max)),
    "minimum": ("fx::min({0}, {1})", lambda d, a, b: number.extremum(a, b, min)),
}


@maker
def binary(inputs, name):
    a, b = inputs
    dtype = promoted(a, b)
    require(dtype != "bool" and (name != "divide" or number.is_floating(dtype)))
    shape = broadcast_shape(a.shape, b.shape)
    f = BINARY[name][1]
    x, y = (converted(spread(n, shape), n.dtype, dtype) for n in inputs)
    return Node("binary", inputs, dict(name=name), shape, dtype, [f(dtype, p, q) for p, q in zip(x, y)])


COMPARE = {
    "less": ("({0} < {1})", lambda x, y: x < y),
    "less_equal": ("({0} <= {1})", lambda x, y: x <= y),
    "greater": ("({0} > {1})", lambda x, y: x > y),
    "equal": ("fx::equal({0}, {1})", lambda x, y: x == y),
}


@maker
def compare(inputs, name):
    a, b = inputs
    dtype, shape = promoted(a, b), broadcast_shape(a.shape, b.shape)
    x, y = (converted(spread(n, shape), n.dtype, dtype) for n in inputs)
    holds = COMPARE[name][1]
    return Node("compare", inputs, dict(name=name), shape, "bool", [number.compare(p, q, holds) for p, q in zip(x, y)])


BITS = {
    "bitwise_and": lambda x, y: x & y, "bitwise_or": lambda x, y: x | y, "bitwise_xor": lambda x, y: x ^ y,
    "logical_and": lambda x, y: int(x != 0 and y != 0), "logical_or": lambda x, y: int(x != 0 or y != 0),
    "logical_xor": lambda x, y: int((x != 0) != (y != 0)),
}


@maker
def bits(inputs, name):
    a, b = inputs
    dtype, shape = promoted(a, b), broadcast_shape(a.shape, b.shape)
    logical = name.startswith("logical")
    require(dtype == "bool" if logical else number.is_integer(dtype))
    x, y = (converted(spread(n, shape), n.dtype, dtype) for n in inputs)
    f = BITS[name]
    data = [(0, number.UNKNOWN) if p + q else (f(v, w), 0) for (v, p), (w, q) in zip(x, y)]
    return Node("bits", inputs, dict(name=name), shape, dtype, data)


@maker
def where(inputs):
    c, a, b = inputs
    require(c.dtype == "bool")
    dtype, shape = promoted(a, b), broadcast_shape(*(n.shape for n in inputs))
    x, y = (converted(spread(n, shape), n.dtype, dtype) for n in (a, b))
    data = [(0, number.UNKNOWN) if e else p if v else q for (v, e), p, q in zip(spread(c, shape), x, y)]
    return Node("where", inputs, {}, shape, dtype, data)


@maker
def cast(inputs, dtype):
    (x,) = inputs
    require(dtype != x.dtype and x.rank > 0)
    return Node("cast", inputs, dict(dtype=dtype), x.shape, dtype, converted(x.data, x.dtype, dtype))


@maker
def iota(inputs, axis):
    (x,) = inputs
    require(axis < x.rank)
    data = [(c[axis], 0) for c in itertools.product(*map(range, x.lengths))]
    return Node("iota", inputs, dict(axis=axis), x.shape, "i64", data)


# ---- along rows ----

def row_extremum(row, pick):
    if any(e == number.UNKNOWN for _, e in row):
        return 0, number.UNKNOWN
    return pick(v for v, _ in row), max(e for _, e in row)


def first_at(row, sign):
    """The first place of the extremum; unknown where the bounds of two elements overlap."""
    if any(e == number.UNKNOWN for _, e in row):
        return 0, number.UNKNOWN
    best = max(range(len(row)), key=lambda i: (sign * row[i][0], -i))
    v, e = row[best]
    for i, (w, f) in enumerate(row):
        if i != best and e + f > 0 and sign * (v - w) <= e + f:
            return 0, number.UNKNOWN
    return best, 0


def sum_dtype(dtype):
    return dtype if number.is_floating(dtype) else "i64"


def float_dtype(dtype):
    return dtype if number.is_floating(dtype) else "f32"


def row_mean(dtype, row):
    return number.divide(dtype, number.accumulated(dtype, row), (len(row), 0))


def row_variance(dtype, row):
    mean = row_mean(dtype, row)
    d = [number.add(dtype, x, mean, -1) for x in row]
    return number.divide(dtype, number.accumulated(dtype, [number.multiply(dtype, x, x) for x in d]), (len(row) - 1, 0))


def row_exponentials(dtype, row):
    top = row_extremum(row, max)
    return top, [number.unary(dtype, "exp", *number.add(dtype, x, top, -1)) for x in row]


def row_logsumexp(dtype, row):
    top, e = row_exponentials(dtype, row)
    return number.add(dtype, top, number.unary(dtype, "log", *number.accumulated(dtype, e)))


REDUCE = {  # name -> (dtype that the operand is cast to, dtype of the result, values)
    "sum": (sum_dtype, sum_dtype, number.accumulated),
    "mean": (float_dtype, float_dtype, row_mean),
    "max": (lambda d: d, lambda d: d, lambda d, row: row_extremum(row, max)),
    "min": (lambda d: d, lambda d: d, lambda d, row: row_extremum(row, min)),
    "any": (lambda d: "bool", lambda d: "bool", lambda d, row: row_extremum(row, max)),
    "all": (lambda d: "bool", lambda d: "bool", lambda d, row: row_extremum(row, min)),
    "argmax": (lambda d: d, lambda d: "i64", lambda d, row: first_at(row, 1)),
    "argmin": (lambda d: d, lambda d: "i64", lambda d, row: first_at(row, -1)),
    "var": (float_dtype, float_dtype, row_variance),
    "logsumexp": (float_dtype, float_dtype, row_logsumexp),
}


@maker
def reduce(inputs, name, keep):
    (x,) = inputs
    require(x.rank > (0 if keep else 1))
    operand, result, f = REDUCE[name]
    d = operand(x.dtype)
    require(x.dtype != "bool" or name in ("any", "all", "sum"))
    data = [f(d, converted(row, x.dtype, d)) for row in rows(x)]
    return Node("reduce", inputs, dict(name=name, keep=keep), x.shape[:-1] + (((1, True),) if keep else ()),
                result(x.dtype), data)


@maker
def softmax(inputs):
    (x,) = inputs
    require(x.rank > 0 and number.is_floating(x.dtype))
    data = []
    for row in rows(x):
        _, e = row_exponentials(x.dtype, row)
        total = number.accumulated(x.dtype, e)
        data += [number.divide(x.dtype, v, total) for v in e]
    return Node("softmax", inputs, {}, x.shape, x.dtype, data)
