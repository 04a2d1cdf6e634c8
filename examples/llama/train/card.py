# SPDX-License-Identifier: Apache-2.0
"""The model card, written from the architecture and the figures that train.py measured."""

CARD = """\
---
# SPDX-License-Identifier: Apache-2.0
language: en
license: apache-2.0
pipeline_tag: text-generation
---

# A small Llama of the King James Bible

{parameters:,} parameters, Hugging Face format, bf16. It exists so that fuse's Llama example runs a real trained
checkpoint from a clone: small enough to be kept in the repository, trained enough that its sentences are English.

## Data

The King James Version of the Bible (1611) as Debian's `bible-kjv` package (version {package}) prints it:
`bible -f gen1:1-rev22:21`, {chapters} chapters. A chapter is a document, its verses joined by spaces. Every
twentieth chapter, {held_out_chapters} in all, was held out of the tokenizer's and the model's training:
{training_tokens:,} tokens to train on, {held_out_tokens:,} to validate on.

Licence: the translation is of 1611 and in the public domain, its copyright expired (so says the package's copyright
file); in the United Kingdom its printing is still governed by letters patent of the Crown. The weights are under the
licence of this repository, Apache-2.0.

## Architecture

`LlamaForCausalLM`: {layers} layers, hidden size {hidden}, MLP {intermediate}, {heads} query heads and {kv} key-value
heads of {head_dim}, tied embeddings, RoPE theta {theta:g}, RMSNorm epsilon {eps:g}, no biases, context {context}.
The tokenizer is SentencePiece BPE, {vocabulary} pieces, byte fallback, no normalisation; unk 0, BOS 1, EOS 2.

## Training

On {date} with torch {torch} and transformers {transformers}, from `examples/llama/train/`:

    python train.py --output ../model{arguments}

{steps:,} steps of {batch} x {context} tokens ({epochs:.1f} times the training text), each sequence BOS and then text
from a random verse on. AdamW (betas 0.9 and 0.98, weight decay 0.1 on matrices), gradients clipped to norm 1, peak
learning rate {peak:g} with 4% linear warm-up and a cosine down to a twentieth, weights in f32{autocast},
seed {seed}. Minutes of wall time: {minutes:.0f}; CPU threads: {threads}.

Measured on the bf16 weights as shipped, computed in f32:

| | |
|---|---|
| validation loss | {validation_loss} nats a token, {validation_bits} bits a character |
| loss on every twentieth training chapter | {training_loss} nats a token |

The gap between the two is what the model has learnt by heart in {epochs:.1f} passes over a small text. The validation
loss flatters it all the same: the held-out chapters are not independent of the rest, for the
Gospels, and Kings with Chronicles, tell the same things in nearly the same words.

## Samples

Prompt in bold; temperature {temperature}, top-k {top_k}, top-p {top_p}, seed {seed}, up to 90 tokens, nothing chosen.

{samples}

## Limits

It continues text in the manner of the King James Bible and does nothing else: it answers no questions, knows nothing,
and loses its thread after a sentence or two. Greedy decoding falls into loops; sampling does better.
It may repeat verses word for word. It inherits the views of its text.
Positions past {context} were never trained. Quoting it as Scripture would be a mistake.
"""


def model_card(architecture, generation, figures, prompts):
    """README.md of the model directory; `prompts` are those of figures["samples"], in order."""
    arguments = " --steps {steps} --batch {batch} --peak {peak:g} --threads {threads}".format(**figures)
    if figures["autocast"]:
        arguments += " --autocast"
    samples = "\n\n".join("> **" + prompt + "**" + text.removeprefix(prompt)
                          for prompt, text in zip(prompts, figures["samples"], strict=True))
    return CARD.format(**{
        **figures,
        "layers": architecture["num_hidden_layers"], "hidden": architecture["hidden_size"],
        "intermediate": architecture["intermediate_size"], "heads": architecture["num_attention_heads"],
        "kv": architecture["num_key_value_heads"], "head_dim": architecture["head_dim"],
        "theta": architecture["rope_theta"], "eps": architecture["rms_norm_eps"],
        "vocabulary": architecture["vocab_size"], "arguments": arguments,
        "epochs": figures["steps"] * figures["batch"] * figures["context"] / figures["training_tokens"],
        "autocast": " with matrix products in bf16" if figures["autocast"] else "",
        "minutes": figures["seconds"] / 60, "samples": samples,
        "temperature": generation["temperature"], "top_k": generation["top_k"], "top_p": generation["top_p"],
    })
