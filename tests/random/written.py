# SPDX-License-Identifier: Apache-2.0
"""How a node is written in C++."""

import arithmetic as number
from nodes import BINARY, COMPARE


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
    if op == "found":
        compare = "<=" if p["name"] == "max" else ">="
        r = row = f"fx::{p['name']}({of}, fx::row)"
        if p["across"]:  # and none beyond its row's either: no kernel can compute both reductions
            order = ", ".join(map(str, [*range(x.rank - 2), x.rank - 1, x.rank - 2]))
            r = f"fx::permute<{order}>(fx::{p['name']}(fx::permute<{order}>({of}), fx::row))"
            none_beyond = f"{of} {compare} {r} && {of} {compare} {row}"
            hit, none_beyond = (f"fx::permute<{order}>({c})" for c in (f"fx::equal({of}, {r})", none_beyond))
        else:
            hit, none_beyond = f"fx::equal({of}, {r})", f"{of} {compare} {r}"
        return f"(fx::any({hit}, fx::row) && fx::all({none_beyond}, fx::row))"
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
