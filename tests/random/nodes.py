# SPDX-License-Identifier: Apache-2.0
"""Nodes of random programs: what each operation does to shapes, dtypes and values, and how it is written in C++.

A node knows its values: every maker evaluates its operation with plain lists. A shape is a tuple of (length, is static).
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
        require(len(data) == math.prod(n for n, _ in shape) and 0 < len(data) <= MOST_ELEMENTS and len(shape) <= MOST_AXES)
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


# ---- views ----

@maker
def permute(inputs, order):
    (x,) = inputs
    require(len(order) == x.rank > 1)
    shape = tuple(x.shape[i] for i in order)
    inverse = [order.index(i) for i in range(x.rank)]
    return Node("permute", inputs, dict(order=order), shape, x.dtype,
                gathered(x, [n for n, _ in shape], lambda c: [c[inverse[i]] for i in range(x.rank)]))


@maker
def slice(inputs, axis, begin, drop, step):
    """Elements begin, begin + step, ... of an axis without its last `drop`."""
    (x,) = inputs
    require(axis < x.rank)
    n, static = x.shape[axis]
    count = (n - drop - begin + step - 1) // step
    require(static or step == 1)
    require(count >= (1 if static else 2) and (begin, drop, step) != (0, 0, 1))
    shape = x.shape[:axis] + ((count, static),) + x.shape[axis + 1:]
    return Node("slice", inputs, dict(axis=axis, begin=begin, drop=drop, step=step), shape, x.dtype,
                gathered(x, [m for m, _ in shape], lambda c: [begin + i * step if k == axis else i for k, i in enumerate(c)]))


@maker
def flip(inputs, axis):
    (x,) = inputs
    require(axis < x.rank)
    return Node("flip", inputs, dict(axis=axis), x.shape, x.dtype,
                gathered(x, x.lengths, lambda c: [x.lengths[axis] - 1 - i if k == axis else i for k, i in enumerate(c)]))


@maker
def unsqueeze(inputs, axis):
    (x,) = inputs
    require(axis <= x.rank and x.rank > 0)
    return Node("unsqueeze", inputs, dict(axis=axis), x.shape[:axis] + ((1, True),) + x.shape[axis:], x.dtype, x.data)


@maker
def squeeze(inputs, axis):
    (x,) = inputs
    require(x.rank > 1 and axis < x.rank and x.shape[axis] == (1, True))
    return Node("squeeze", inputs, dict(axis=axis), x.shape[:axis] + x.shape[axis + 1:], x.dtype, x.data)


@maker
def merge(inputs):
    """The last two axes as one."""
    (x,) = inputs
    require(x.rank > 1)
    (a, s), (b, t) = x.shape[-2:]
    return Node("merge", inputs, {}, x.shape[:-2] + ((a * b, s and t),), x.dtype, x.data)


@maker
def split(inputs, last):
    """The last axis as two, the second of length `last`."""
    (x,) = inputs
    require(x.rank > 0 and last > 1)
    n, static = x.shape[-1]
    require(n % last == 0 and n // last > 1)
    static = all(s for _, s in x.shape)
    return Node("split", inputs, dict(last=last), x.shape[:-1] + ((n // last, static), (last, True)), x.dtype, x.data)


@maker
def expand(inputs, count):
    """The first axis, of length 1, repeated."""
    (x,) = inputs
    require(x.rank > 0 and x.shape[0] == (1, True) and count > 1)
    return Node("expand", inputs, dict(count=count), ((count, True),) + x.shape[1:], x.dtype, x.data * count)


@maker
def concat(inputs, axis):
    a, b = inputs
    require(a.rank == b.rank > axis and a.rank > 0)
    require(all(a.lengths[k] == b.lengths[k] for k in range(a.rank) if k != axis))
    dtype = promoted(a, b)
    n = a.lengths[axis]
    shape = tuple((p[0] + q[0], p[1] and q[1]) if k == axis else (p[0], p[1] and q[1])
                  for k, (p, q) in enumerate(zip(a.shape, b.shape)))
    # An axis of static length 1 beside one of another kind would broadcast, not match.
    require(all(p == q or 1 not in (p[0], q[0]) for k, (p, q) in enumerate(zip(a.shape, b.shape)) if k != axis))
    sources = [Node("converted", [], {}, x.shape, dtype, converted(x.data, x.dtype, dtype)) for x in inputs]
    strides = [strides_of(x.lengths) for x in inputs]
    data = []
    for c in itertools.product(*(range(m) for m, _ in shape)):
        which = int(c[axis] >= n)
        c = [i - n if which and k == axis else i for k, i in enumerate(c)]
        data.append(sources[which].data[sum(i * s for i, s in zip(c, strides[which]))])
    return Node("concat", inputs, dict(axis=axis), shape, dtype, data)


# ---- by index ----

@maker
def take(inputs):
    """Rows of a table; a place outside of it gives zeros."""
    table, places = inputs
    require(table.rank > 0 and places.rank == 1 and places.dtype in ("i32", "i64") and places.is_leaf())
    row = len(table.data) // table.lengths[0]
    data = []
    for v, _ in places.data:
        data += table.data[v * row:(v + 1) * row] if 0 <= v < table.lengths[0] else [(0, 0)] * row
    return Node("take", inputs, {}, places.shape + table.shape[1:], table.dtype, data)


@maker
def scatter(inputs):
    """A target with rows replaced; a place outside of it is skipped. Places differ from one another."""
    target, places, values = inputs
    require(target.rank == values.rank > 0 and target.lengths[1:] == values.lengths[1:])
    require(places.rank == 1 and places.lengths[0] == values.lengths[0] and places.is_leaf())
    require(all(p == q or 1 not in (p[0], q[0]) for p, q in zip(target.shape[1:], values.shape[1:])))
    require(places.shape[0] == values.shape[0] or places.lengths[0] > 1)
    require(places.dtype in ("i32", "i64") and len({v for v, _ in places.data}) == len(places.data))
    row = len(target.data) // target.lengths[0]
    data, written = list(target.data), converted(values.data, values.dtype, target.dtype)
    for i, (v, _) in enumerate(places.data):
        if 0 <= v < target.lengths[0]:
            data[v * row:(v + 1) * row] = written[i * row:(i + 1) * row]
    return Node("scatter", inputs, {}, target.shape, target.dtype, data)


# ---- contractions ----

@maker
def matmul(inputs):
    a, b = inputs
    require(min(a.rank, b.rank) > 1 and a.lengths[-1] == b.lengths[-2])
    require(a.lengths[-1] > 1)
    dtype = promoted(a, b)
    require(number.is_floating(dtype))
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2]) if a.rank + b.rank > 4 else ()
    m, k, n = a.shape[-2], a.lengths[-1], b.shape[-1]
    require(math.prod(x for x, _ in batch) * m[0] * n[0] * k <= 20000)
    left = Node("spread", [], {}, batch + a.shape[-2:], dtype, converted(spread(a, batch + a.shape[-2:]), a.dtype, dtype))
    right = Node("spread", [], {}, batch + b.shape[-2:], dtype, converted(spread(b, batch + b.shape[-2:]), b.dtype, dtype))
    data = []
    for i in range(math.prod(x for x, _ in batch)):
        x, y = left.data[i * m[0] * k:(i + 1) * m[0] * k], right.data[i * k * n[0]:(i + 1) * k * n[0]]
        for row in range(m[0]):
            for column in range(n[0]):
                terms = []
                for j in range(k):
                    (v, e), (w, f) = x[row * k + j], y[j * n[0] + column]
                    terms.append((v * w, abs(v) * f + abs(w) * e + e * f) if number.UNKNOWN not in (e, f) else (0, number.UNKNOWN))
                data.append(number.accumulated(dtype, terms))
    return Node("matmul", inputs, {}, batch + (m, n), dtype, data)


@maker
def linear(inputs):
    """x (..., in), weight (out, in)."""
    x, weight = inputs
    require(weight.rank == 2 and x.rank > 1)
    y = matmul([x, permute([weight], order=[1, 0])])
    return Node("linear", inputs, {}, y.shape, y.dtype, y.data)


# ---- C++ ----

def extents_but_last(x, name, dropped):
    return "".join(f"fx::extent<{i}>({name}), " for i in range(x.rank - dropped))


def written(node, names):
    """The node's expression, its operands by name."""
    p, x = node.params, node.inputs[0] if node.inputs else None
    of = ", ".join(names)
    op = node.op
    if op == "literal":
        return f"{float(p['value'])!r}f" if number.is_floating(p["dtype"]) else str(p["value"])
    if op == "unary":
        return number.UNARY[p["name"]][2].format(*names)
    if op in ("binary", "compare"):
        return (BINARY if op == "binary" else COMPARE)[p["name"]][0].format(*names)
    if op == "bits":
        return f"fx::{p['name']}({of})"
    if op == "cast":
        return f"fx::cast<{number.CPP[p['dtype']]}>({of})"
    if op == "iota":
        return f"fx::iota_along<{p['axis']}>({of})"
    if op == "reduce":
        return f"fx::{p['name']}({of}, {'fx::row' if p['keep'] else 'fx::axis<-1>'})"
    if op == "softmax":
        return f"fx::nn::softmax({of})"
    if op == "permute":
        return f"fx::permute<{', '.join(map(str, p['order']))}>({of})"
    if op == "slice":
        n, static = x.shape[p["axis"]]
        end = [] if not p["drop"] and p["step"] == 1 else [n - p["drop"] if static else -p["drop"]]
        bounds = ", ".join(map(str, [p["axis"], p["begin"]] + end + ([p["step"]] if p["step"] > 1 else [])))
        return f"fx::slice<{bounds}>({of})"
    if op in ("flip", "unsqueeze", "squeeze", "concat"):
        return f"fx::{op}<{p['axis']}>({of})"
    if op == "merge":
        return f"fx::reshape({of}, {extents_but_last(x, of, 2)}fx::infer)"
    if op == "split":
        return f"fx::reshape({of}, {extents_but_last(x, of, 1)}fx::infer, fx::size<{p['last']}>)"
    if op == "expand":
        rest = "".join(f", fx::extent<{i}>({of})" for i in range(1, x.rank))
        return f"fx::expand({of}, fx::size<{p['count']}>{rest})"
    if op == "scatter":
        return f"fx::scatter<0>({of})"
    assert op in ("where", "take", "matmul", "linear"), op
    return f"fx::{op}({of})"
