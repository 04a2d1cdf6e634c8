# SPDX-License-Identifier: Apache-2.0
"""Random programs: a few arguments, operations on them, one to three outputs. The same seed, the same program."""

import random

import arithmetic as number
import nodes
import views  # noqa: F401 (its makers)
from nodes import Invalid, make

LENGTHS = [2, 3, 4, 5, 7, 8, 12, 16, 17, 31, 33, 64, 70]
FLOATS = ["f32"] * 8 + ["bf16"] * 5 + ["f16"] * 4 + ["f64"] * 3
INTEGERS = ["i32"] * 4 + ["i64"] * 2 + ["u8", "i8"]
ENOUGH_KNOWN = 0.6  # of each output's elements


class Program:
    def __init__(self, outputs):
        self.outputs = list(outputs)
        self.nodes = []
        seen = set()

        def visit(node):
            if id(node) in seen:
                return
            seen.add(id(node))
            for x in node.inputs:
                visit(x)
            self.nodes.append(node)
        for node in self.outputs:
            visit(node)
        self.arguments = [n for n in self.nodes if n.op in ("argument", "scalar")]

    def operations(self):
        return [n for n in self.nodes if not n.is_leaf()]

    def replacing(self, old, new):
        """The program with another node in one node's place, everything above it computed again."""
        made = {id(old): new}

        def remake(node):
            if id(node) not in made:
                inputs = [remake(x) for x in node.inputs]
                same = all(x is y for x, y in zip(inputs, node.inputs))
                made[id(node)] = node if same else make(node.op, inputs, **node.params)
            return made[id(node)]
        return Program([remake(n) for n in self.outputs])


def value(rng, dtype):
    """A value that every floating dtype holds exactly, of about 1; small integers."""
    if number.is_floating(dtype):
        return rng.randint(-127, 127) / 2.0 ** rng.choice([5, 6, 6, 7])
    return {"bool": rng.randint(0, 1), "u8": rng.randint(0, 20)}.get(dtype, rng.randint(-9, 9))


def new_argument(rng, shape, dtype):
    count = 1
    for n, _ in shape:
        count *= n
    return make("argument", [], shape=tuple(shape), dtype=dtype, data=[(value(rng, dtype), 0) for _ in range(count)])


class Builder:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        rng = self.rng
        self.axes = [(rng.choice(LENGTHS), rng.random() < 0.5) for _ in range(rng.choice([1, 2, 2, 3]))]
        self.main = rng.choice(FLOATS)
        self.is_mixed = rng.random() < 0.25  # operands of every operation are of any dtypes
        self.pool = []
        for _ in range(rng.choice([1, 2, 2, 3])):
            self.add_argument()

    def add_argument(self, shape=None, dtype=None):
        rng = self.rng
        if shape is None:
            rank = rng.choice([1, 2, 2, 2, 3, 3])
            shape = [rng.choice(self.axes) if rng.random() < 0.88 else (1, True) for _ in range(rank)]
        if dtype is None:
            dtype = rng.choice([self.main] * 6 + [rng.choice(FLOATS), rng.choice(INTEGERS)])
            if self.is_mixed:
                dtype = rng.choice(FLOATS + INTEGERS)
        node = new_argument(rng, shape, dtype)
        self.pool.append(node)
        return node

    def pick(self, fits=lambda n: True):
        """An operand, the later the likelier."""
        candidates = [n for n in self.pool if n.rank > 0 and fits(n)]
        if not candidates:
            raise Invalid
        return candidates[max(self.rng.randrange(len(candidates)) for _ in range(2))]

    def pick_float(self):
        return self.pick(lambda n: number.is_floating(n.dtype))

    def pick_matrix(self):
        return self.pick(lambda n: n.rank > 1 and number.is_floating(n.dtype))

    def float_beside(self, x):
        """The dtype of a new operand beside x."""
        return self.rng.choice(FLOATS) if self.is_mixed else x.dtype

    def small(self, like):
        if number.is_floating(like.dtype):
            v = self.rng.choice([0.5, -0.75, 1.5, 2.0, 0.125, -1.0])
        elif like.dtype == "bool":
            raise Invalid
        else:
            v = self.rng.choice([1, 2, 3])
        if self.rng.random() < 0.25:
            return make("scalar", [], dtype="f32" if number.is_floating(like.dtype) else "i32", value=v)
        return make("literal", [], dtype="f32" if number.is_floating(like.dtype) else "i32", value=v)

    # Each proposal is a list of nodes, the last one the result; Invalid where the operands do not fit.
    def propose_unary(self):
        x, name = self.pick(), self.rng.choice(list(number.UNARY))
        if name in ("sqrt", "rsqrt", "log") and number.is_floating(x.dtype):
            a = make("unary", [x], name="abs")
            b = make("binary", [a, make("literal", [], dtype="f32", value=0.5)], name="add")
            return [a, b, make("unary", [b], name=name)]
        return [make("unary", [x], name=name)]

    def propose_binary(self):
        a = self.pick()
        b = self.small(a) if self.rng.random() < 0.3 else self.pick()
        name = self.rng.choice(["add", "subtract", "multiply", "multiply", "divide", "maximum", "minimum"])
        if name == "divide" and number.is_floating(b.dtype) and b.rank > 0:
            c = make("unary", [b], name="abs")
            d = make("binary", [c, make("literal", [], dtype="f32", value=1.0)], name="add")
            return [c, d, make("binary", [a, d], name=name)]
        if b.rank > 0 and self.rng.random() < 0.5:
            a, b = b, a
        return [make("binary", [a, b], name=name)]

    def propose_compare(self):
        a = self.pick()
        b = self.small(a) if self.rng.random() < 0.5 else self.pick()
        c = make("compare", [a, b], name=self.rng.choice(list(nodes.COMPARE)))
        return [c] if self.rng.random() < 0.3 else [c, make("where", [c, self.pick(), self.pick()])]

    def propose_bits(self):
        logical = self.rng.random() < 0.5
        fits = (lambda n: n.dtype == "bool") if logical else (lambda n: number.is_integer(n.dtype))
        names = [n for n in nodes.BITS if n.startswith("logical") == logical]
        return [make("bits", [self.pick(fits), self.pick(fits)], name=self.rng.choice(names))]

    def propose_cast(self):
        x, dtype, new = self.pick(), self.rng.choice(FLOATS + INTEGERS + ["bool"]), []
        if number.is_floating(x.dtype) and dtype in ("u8", "i8") and self.rng.random() < 0.7:  # beyond what they hold
            x = make("binary", [x, make("literal", [], dtype="f32", value=300.0)], name="multiply")
            new = [x]
        return new + [make("cast", [x], dtype=dtype)]

    def propose_iota(self):
        x = self.pick()
        i = make("iota", [x], axis=self.rng.randrange(x.rank))
        other = self.pick(lambda n: n.dtype != "bool")
        return [i, make("binary", [i, other], name=self.rng.choice(["add", "minimum"]))]

    def propose_reduce(self):
        x = self.pick()
        name = self.rng.choice(list(nodes.REDUCE) + ["sum", "mean", "max"])
        return [make("reduce", [x], name=name, keep=self.rng.random() < 0.7)]

    def propose_row_function(self):
        """A reduction broadcast back along its row."""
        x = self.pick_float()
        r = make("reduce", [x], name=self.rng.choice(["sum", "mean", "max", "min", "logsumexp", "var"]), keep=True)
        return [r, make("binary", [x, r], name=self.rng.choice(["add", "subtract", "multiply"]))]

    def propose_softmax(self):
        return [make("softmax", [self.pick_float()])]

    def propose_view(self):
        x, rng = self.pick(), self.rng
        axis = rng.randrange(x.rank)
        kind = rng.choice(["permute", "permute", "slice", "slice", "flip", "unsqueeze", "squeeze", "merge", "split",
                           "expand"])
        if kind == "permute":
            return [make("permute", [x], order=rng.sample(range(x.rank), x.rank))]
        if kind == "slice":
            bounds = dict(begin=rng.choice([0, 1, 2]), drop=rng.choice([0, 1, 3]), step=rng.choice([1, 1, 2]))
            return [make("slice", [x], axis=axis, **bounds)]
        if kind == "split":
            return [make("split", [x], last=rng.choice([2, 3, 4, 8]))]
        if kind == "expand":
            return [make("expand", [x], count=rng.choice([2, 3, 5]))]
        return [make(kind, [x], **({} if kind == "merge" else dict(axis=axis)))]

    def propose_concat(self):
        a = self.pick()
        return [make("concat", [a, self.pick(lambda n: n.rank == a.rank)], axis=self.rng.randrange(a.rank))]

    def propose_take(self):
        table = self.pick()
        n = self.rng.choice([2, 3, 9])
        outside = self.rng.random() < 0.2
        places = [(self.rng.randrange(-1 if outside else 0, table.lengths[0] + outside), 0) for _ in range(n)]
        at = make("argument", [], shape=((n, self.rng.random() < 0.5),), dtype=self.rng.choice(["i32", "i64"]),
                  data=places)
        return [at, make("take", [table, at])]

    def propose_scatter(self):
        target, rng = self.pick(), self.rng
        n = rng.randint(2, min(4, target.lengths[0] + 1))
        places = [(v, 0) for v in rng.sample(range(target.lengths[0] + 1), n)]
        at = make("argument", [], shape=((n, rng.random() < 0.5),), dtype=rng.choice(["i32", "i64"]), data=places)
        shape = (at.shape[0],) + target.shape[1:]
        computed = [v for v in self.pool if v.shape == shape and not v.is_leaf()]
        if computed and rng.random() < 0.7:
            return [at, make("scatter", [target, at, rng.choice(computed)])]
        dtype = self.float_beside(target) if number.is_floating(target.dtype) else target.dtype
        values = new_argument(rng, shape, dtype)
        return [at, values, make("scatter", [target, at, values])]

    def propose_contraction(self):
        rng = self.rng
        x = self.pick_matrix()
        new = []
        if rng.random() < 0.4:
            other = self.pick_matrix()
        else:
            columns = (rng.choice([2, 5, 8, 17]), rng.random() < 0.5)
            other = new_argument(rng, (x.shape[-1], columns), self.float_beside(x))
            new = [other]
        if rng.random() < 0.5:
            order = list(range(other.rank - 2)) + [other.rank - 1, other.rank - 2]
            turned = make("permute", [other], order=order)
            if new and rng.random() < 0.7:
                weight = make("argument", [], shape=turned.shape, dtype=turned.dtype, data=turned.data)
                return [weight, make("linear", [x, weight])]
        return new + [make("matmul", [x, other])]

    def propose_attention(self):
        """A softmax between two products: scores and weights have further readers, or the result is scattered."""
        rng = self.rng
        q = self.pick_matrix()
        count = (rng.choice([2, 5, 8, 17]), rng.random() < 0.5)
        k = new_argument(rng, (count, q.shape[-1]), self.float_beside(q))
        v = new_argument(rng, (count, (rng.choice([2, 3, 8]), rng.random() < 0.5)), self.float_beside(q))
        scores = make("linear", [q, k])
        new = [k, v, scores]
        inner = scores
        if rng.random() < 0.5:
            inner = make("binary", [scores, self.small(scores)], name=rng.choice(["multiply", "add"]))
            new.append(inner)
        weights = make("softmax", [inner])
        result = make("matmul", [weights, v])
        new += [weights, result]
        for _ in range(rng.choice([0, 1, 1, 2])):
            read = rng.choice([scores, inner, weights])
            reader = rng.choice(["row", "column", "element", "found"])
            if reader == "found":
                new.append(make("found", [read], name="max", across=rng.random() < 0.5))
            elif reader == "element":
                new.append(make("binary", [read, self.small(read)], name="multiply"))
            else:
                if reader == "column":
                    order = [*range(read.rank - 2), read.rank - 1, read.rank - 2]
                    read = make("permute", [read], order=order)
                    new.append(read)
                new.append(make("reduce", [read], name=rng.choice(["sum", "max", "logsumexp"]), keep=False))
        if rng.random() < 0.3 and result.lengths[0] > 1:
            rows = result.lengths[0]
            target = new_argument(rng, ((rows + 1, rng.random() < 0.5),) + result.shape[1:], result.dtype)
            places = [(v, 0) for v in rng.sample(range(rows + 1), rows)]
            at = make("argument", [], shape=result.shape[:1], dtype="i32", data=places)
            new += [target, at, make("scatter", [target, at, result])]
        return new

    def propose_found(self):
        """Reductions compared with what was reduced: of the same rows, or of others, which are cut."""
        x = self.pick(lambda n: n.rank > 1 and not n.is_leaf())
        name, first = self.rng.choice(["max", "max", "min"]), self.rng.random() < 0.5
        ways = [first, not first] if self.rng.random() < 0.5 else [True]
        return [make("found", [x], name=name, across=a) for a in ways]

    def build(self, most):
        weights = {
            self.propose_unary: 4, self.propose_binary: 6, self.propose_compare: 2, self.propose_bits: 1,
            self.propose_cast: 2, self.propose_iota: 1, self.propose_reduce: 3, self.propose_row_function: 2,
            self.propose_softmax: 1, self.propose_view: 5, self.propose_concat: 1, self.propose_take: 1,
            self.propose_scatter: 1, self.propose_contraction: 2, self.propose_attention: 1, self.propose_found: 1,
        }
        proposals = [propose for propose, weight in weights.items() for _ in range(weight)]
        wanted = self.rng.randint(2, most)
        operations = 0
        for _ in range(200):
            if operations >= wanted:
                break
            try:
                new = self.rng.choice(proposals)()
            except Invalid:
                continue
            if any(n.known() < ENOUGH_KNOWN for n in new):
                continue
            self.pool += [n for n in new if n.op not in ("literal", "scalar")]
            operations += sum(not n.is_leaf() for n in new)
        used = {id(x) for n in self.pool for x in n.inputs}
        ends = [n for n in self.pool if not n.is_leaf() and id(n) not in used]
        middle = [n for n in self.pool if not n.is_leaf() and id(n) in used]
        outputs = ends[-3:]
        if middle and len(outputs) < 3 and self.rng.random() < 0.3:
            outputs.append(self.rng.choice(middle))
        return outputs


def generate(seed, most=12):
    """The program of a seed: between 2 and `most` operations."""
    attempt = 0
    while True:
        attempt += 1
        try:
            outputs = Builder(f"{seed}.{attempt}").build(most)
        except Invalid:  # an argument of too many elements
            continue
        if outputs and all(n.rank > 0 for n in outputs):
            return Program(outputs)


def as_argument(node):
    """A new argument with the values that a node has, as its dtype holds them."""
    if any(e == number.UNKNOWN for _, e in node.data):
        raise Invalid
    exact = [(number.round_to(node.dtype, v) if number.is_floating(node.dtype) else v, 0) for v, _ in node.data]
    return make("argument", [], shape=node.shape, dtype=node.dtype, data=exact)


def smaller(program):
    """Programs that are smaller by one step, the boldest first."""
    for output in program.outputs:
        if len(program.outputs) > 1:
            yield Program([output])
    for node in program.operations():
        if node not in program.outputs:
            yield Program([node])
    for node in reversed(program.operations()):
        replacements = [x for x in node.inputs if x.shape == node.shape and x.dtype == node.dtype]
        try:
            if node not in program.outputs:
                replacements.append(as_argument(node))
        except Invalid:
            pass
        for new in replacements:
            try:
                p = program.replacing(node, new)
            except Invalid:
                continue
            smaller_by = len(program.operations()) - len(p.operations())
            if p.operations() and smaller_by > 0 and all(n.known() > 0 for n in p.outputs):
                yield p
