# SPDX-License-Identifier: Apache-2.0
"""The works of bench/workloads.hpp as a PyTorch user writes them: the same arguments, of the same shapes."""
import os

import torch
import torch.nn.functional as F

WIDTH = 4096
HEAD_DIM = 64
EPSILON = 1e-5


def divided(n, least):
    return max(n // max(int(os.environ.get("FUSE_BENCH_DIVIDE", "1")), 1), least)


ROWS = divided(4096, 1)


# ---- elementwise and row works ----


def pointwise_chain(x):
    y = x * 1.5 + 0.5
    return y.abs() * y - x


def silu_mul(gate, up):
    return F.silu(gate) * up


def bias_gelu(x, bias):
    return F.gelu(x + bias)


def add_rms_norm(x, residual, weight):
    h = x + residual
    return h, F.rms_norm(h, (WIDTH,), weight, EPSILON)


def layer_norm(x, weight, bias):
    return F.layer_norm(x, (WIDTH,), weight, bias, EPSILON)


def softmax(x):
    return torch.softmax(x, -1)


def rope(x, cos, sin):
    """x (tokens, heads, d); cos, sin f32 (tokens, 1, d / 2)."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


def cross_entropy(logits, targets):
    return F.cross_entropy(logits.float(), targets, reduction="none")


# ---- a decoder layer ----


class Layer(torch.nn.Module):
    """llama::decoder_layer. The caches are extended in place, as there."""

    def __init__(self, weights):
        super().__init__()
        names = ("attention_norm", "q", "q_bias", "k", "k_bias", "v", "v_bias", "o", "o_bias", "mlp_norm", "gate",
                 "gate_bias", "up", "up_bias", "down", "down_bias")
        for name, weight in zip(names, weights):
            self.register_buffer(name, weight)

    def forward(self, x, keys, values, cos, sin, past: int):
        tokens, hidden = x.shape
        kv_heads = keys.shape[1]
        end = past + tokens
        angles = cos[past:end].unsqueeze(1), sin[past:end].unsqueeze(1)
        n = F.rms_norm(x, (hidden,), self.attention_norm, EPSILON)
        q = rope(F.linear(n, self.q, self.q_bias).view(tokens, -1, HEAD_DIM), *angles)
        keys[past:end] = rope(F.linear(n, self.k, self.k_bias).view(tokens, kv_heads, HEAD_DIM), *angles)
        values[past:end] = F.linear(n, self.v, self.v_bias).view(tokens, kv_heads, HEAD_DIM)
        by_head = [t.transpose(0, 1).unsqueeze(0) for t in (q, keys[:end], values[:end])]
        if tokens == 1:
            mask = {}
        elif past == 0:
            mask = {"is_causal": True}
        else:
            mask = {"attn_mask": torch.ones(tokens, end, dtype=torch.bool, device=x.device).tril(past)}
        attended = F.scaled_dot_product_attention(*by_head, enable_gqa=True, **mask)
        h = x + F.linear(attended[0].transpose(0, 1).reshape(tokens, -1), self.o, self.o_bias)
        m = F.rms_norm(h, (hidden,), self.mlp_norm, EPSILON)
        gated = F.silu(F.linear(m, self.gate, self.gate_bias)) * F.linear(m, self.up, self.up_bias)
        return h + F.linear(gated, self.down, self.down_bias), keys, values


# ---- the table ----


class Source:
    """Random tensors of one element type on one device, the same in every run."""

    def __init__(self, dtype, device):
        self.dtype, self.device = dtype, device
        self.generator = torch.Generator().manual_seed(1)

    def normal(self, *shape, deviation=1.0, dtype=None):
        x = torch.randn(*shape, generator=self.generator) * deviation
        return x.to(dtype or self.dtype).to(self.device)

    def integers(self, *shape, below):
        return torch.randint(below, shape, generator=self.generator).to(self.device)


def matrices(count, vectors=0):
    return lambda s: [s.normal(ROWS, WIDTH) for _ in range(count)] + [s.normal(WIDTH) for _ in range(vectors)]


def layer_shapes(tokens, past):
    hidden, inner, kv_heads = divided(2048, 64), divided(8192, 64), divided(8, 1)
    tokens, past = divided(tokens, 1), divided(past, 1) if past else 0
    return tokens, past, hidden, inner, kv_heads, 4 * kv_heads


def layer_inputs(tokens, past):
    def make(s):
        t, p, hidden, inner, kv_heads, heads = layer_shapes(tokens, past)
        queries, keys = heads * HEAD_DIM, kv_heads * HEAD_DIM
        weights = [s.normal(hidden)]
        for out, into in ((queries, hidden), (keys, hidden), (keys, hidden), (hidden, queries)):
            weights += [s.normal(out, into, deviation=into**-0.5), s.normal(out)]
        weights.append(s.normal(hidden))
        for out, into in ((inner, hidden), (inner, hidden), (hidden, inner)):
            weights += [s.normal(out, into, deviation=into**-0.5), s.normal(out)]
        caches = [s.normal(p + t, kv_heads, HEAD_DIM) for _ in range(2)]
        angles = [s.normal(p + t, HEAD_DIM // 2, dtype=torch.float32) for _ in range(2)]
        return [s.normal(t, hidden), *weights, *caches, *angles]

    return make


def layer_call(x, *rest):
    weights, others = rest[:16], rest[16:]
    past = others[0].shape[0] - x.shape[0]
    return Layer(weights).eval(), (x, *others, past)


def plain(function):
    return lambda *arguments: (function, arguments)


def rope_inputs(s):
    return [s.normal(ROWS, 32, 128)] + [s.normal(ROWS, 1, 64, dtype=torch.float32) for _ in range(2)]


def cross_entropy_inputs(s):
    return [s.normal(ROWS, WIDTH), s.integers(ROWS, below=WIDTH)]


# name: (arguments from a Source, (callable, its arguments) from the arguments)
WORKS = {
    "pointwise chain": (matrices(1), plain(pointwise_chain)),
    "silu*mul": (matrices(2), plain(silu_mul)),
    "bias+GELU": (matrices(1, 1), plain(bias_gelu)),
    "add+RMSNorm": (matrices(2, 1), plain(add_rms_norm)),
    "LayerNorm": (matrices(1, 2), plain(layer_norm)),
    "softmax": (matrices(1), plain(softmax)),
    "RoPE": (rope_inputs, plain(rope)),
    "cross-entropy": (cross_entropy_inputs, plain(cross_entropy)),
    "Llama block, decode": (layer_inputs(1, 1023), layer_call),
    "Llama block, prefill": (layer_inputs(128, 0), layer_call),
}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
