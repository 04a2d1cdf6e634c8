# SPDX-License-Identifier: Apache-2.0
"""Operations that move elements, and contractions: more makers of nodes."""

import itertools
import math

import arithmetic as number
from nodes import Node, broadcast_shape, converted, gathered, maker, promoted, require, rows, spread, strides_of


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
                gathered(x, [m for m, _ in shape],
                         lambda c: [begin + i * step if k == axis else i for k, i in enumerate(c)]))


@maker
def flip(inputs, axis):
    (x,) = inputs
    require(axis < x.rank)
    return Node("flip", inputs, dict(axis=axis), x.shape, x.dtype,
                gathered(x, x.lengths,
                         lambda c: [x.lengths[axis] - 1 - i if k == axis else i for k, i in enumerate(c)]))


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

def product(a, b):
    """One term of a sum, before any rounding."""
    (v, e), (w, f) = a, b
    return (v * w, abs(v) * f + abs(w) * e + e * f) if number.UNKNOWN not in (e, f) else (0, number.UNKNOWN)


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
    left = converted(spread(a, batch + a.shape[-2:]), a.dtype, dtype)
    right = converted(spread(b, batch + b.shape[-2:]), b.dtype, dtype)
    data = []
    for i in range(math.prod(x for x, _ in batch)):
        x, y = left[i * m[0] * k:(i + 1) * m[0] * k], right[i * k * n[0]:(i + 1) * k * n[0]]
        for row in range(m[0]):
            for column in range(n[0]):
                terms = [product(x[row * k + j], y[j * n[0] + column]) for j in range(k)]
                data.append(number.accumulated(dtype, terms))
    return Node("matmul", inputs, {}, batch + (m, n), dtype, data)


@maker
def found(inputs, name, across):
    """Is some element of each row the extremum of its row, and none beyond it; or of each column of the last two axes,
    and none beyond that of its row.
    However an implementation rounds x, the answer is yes, if it compares what it has reduced."""
    (x,) = inputs
    require(x.rank > across and name in ("max", "min") and x.dtype != "bool")
    turned = permute([x], order=[*range(x.rank - 2), x.rank - 1, x.rank - 2]) if across else x
    data = [(0, number.UNKNOWN) if any(e == number.UNKNOWN for _, e in row) else (1, 0) for row in rows(turned)]
    return Node("found", inputs, dict(name=name, across=across), turned.shape[:-1] + ((1, True),), "bool", data)


@maker
def linear(inputs):
    """x (..., in), weight (out, in)."""
    x, weight = inputs
    require(weight.rank == 2 and x.rank > 1)
    y = matmul([x, permute([weight], order=[1, 0])])
    return Node("linear", inputs, {}, y.shape, y.dtype, y.data)
