# SPDX-License-Identifier: Apache-2.0
"""Trains the Llama that the example ships: a small grouped-query model of the King James Bible.

    python train.py --output ../model [--steps 5000] [--work DIR]

The text is what Debian's `bible` command prints. A chapter is a document: its verses joined by spaces, then EOS.
Every twentieth chapter is held out for validation and seen by neither the tokenizer nor the model. The output is a
Hugging Face directory: config.json, generation_config.json, model.safetensors (bf16), tokenizer.model with
tokenizer_config.json (for transformers); README.md, whose figures and samples are of the run that made the weights.
"""
import argparse
import datetime
import io
import json
import math
import pathlib
import re
import subprocess
import time

import safetensors.torch
import sentencepiece
import torch
import transformers

from card import model_card

SEED = 1611
BOS, EOS = 1, 2
VOCABULARY = 2048
CONTEXT = 512
HELD_OUT_EVERY = 20

ARCHITECTURE = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "hidden_act": "silu",
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "initializer_range": 0.02,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "pad_token_id": None,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}
GENERATION = {"bos_token_id": BOS, "eos_token_id": EOS, "do_sample": True, "temperature": 0.8, "top_k": 40,
              "top_p": 0.95}
TOKENIZER = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>",
             "eos_token": "</s>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False,
             "model_max_length": CONTEXT}
PROMPTS = ("In the beginning", "And it came to pass", "Blessed are")


def package_version():
    """The version of the Debian package that holds the text."""
    query = ["dpkg-query", "--show", "--showformat=${Version}", "bible-kjv-text"]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip()


def read_chapters():
    """The whole text as a list of chapters, each a list of verses."""
    printed = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    chapters, previous = [], None
    for line in printed.splitlines():
        match = re.fullmatch(r"([1-3]?[A-Za-z]+[0-9]+):[0-9]+ (.+)", line)
        if not match:
            raise SystemExit(f"train: expected a line like 'Ge1:1 In the beginning', got {line!r}")
        chapter, verse = match.groups()
        if chapter != previous:
            chapters.append([])
            previous = chapter
        chapters[-1].append(" ".join(verse.split()))
    return chapters


def train_tokenizer(chapters, path):
    """BPE with byte fallback and no normalisation, as Llama 2's; verses are its training sentences."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([verse for chapter in chapters for verse in chapter]), model_writer=trained,
        model_type="bpe", vocab_size=VOCABULARY, byte_fallback=True, character_coverage=1.0,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, add_dummy_prefix=True,
        unk_id=0, bos_id=BOS, eos_id=EOS, pad_id=-1, num_threads=1, minloglevel=1)
    path.write_bytes(trained.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def as_stream(tokenizer, chapters):
    """(token ids [n], positions of verse starts [verses]); BOS opens a chapter and EOS closes it."""
    ids, starts = [], []
    for chapter in chapters:
        ids.append(BOS)
        for verse in tokenizer.encode(chapter):
            starts.append(len(ids))
            ids.extend(verse)
        ids.append(EOS)
    return torch.tensor(ids), torch.tensor(starts)


def training_batch(stream, starts, size, generator):
    """[size, CONTEXT + 1]: BOS, then text from a random verse on, so that BOS is a fair beginning for any prompt."""
    usable = starts[starts + CONTEXT <= len(stream)]
    chosen = usable[torch.randint(len(usable), (size,), generator=generator)]
    rows = stream[chosen[:, None] + torch.arange(CONTEXT)]
    return torch.cat([torch.full((size, 1), BOS), rows], dim=1)


def loss_of(model, ids):
    """Mean cross-entropy in nats of ids[:, 1:] given what stands before each."""
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits.float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def validation_loss(model, tokenizer, chapters):
    """(nats per token, bits per character) over every held-out token, in windows of CONTEXT that begin with BOS."""
    model.eval()
    total, tokens = 0.0, 0
    for chapter in chapters:
        ids = [token for verse in tokenizer.encode(chapter) for token in verse] + [EOS]
        for begin in range(0, len(ids), CONTEXT):
            window = torch.tensor([[BOS] + ids[begin:begin + CONTEXT]])
            total += loss_of(model, window).item() * (window.shape[1] - 1)
            tokens += window.shape[1] - 1
    model.train()
    characters = sum(len(verse) + 1 for chapter in chapters for verse in chapter)
    return total / tokens, total / math.log(2) / characters


def learning_rate(step, steps, peak):
    """Linear warm-up over the first 4%, then a cosine down to a twentieth of the peak."""
    warmup = max(1, steps // 25)
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))


def optimiser_for(model):
    """AdamW, decaying matrices only."""
    parameters = list(model.parameters())
    groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
              {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), eps=1e-9)


def save(model, output):
    """Weights as bf16 under Hugging Face names; a tied head is left out, as transformers does."""
    weights = {name: value.detach().to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()
               if name != "lm_head.weight"}
    (output / "model.safetensors").write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    (output / "config.json").write_text(json.dumps(ARCHITECTURE, indent=2) + "\n")
    (output / "generation_config.json").write_text(json.dumps(GENERATION, indent=2) + "\n")
    (output / "tokenizer_config.json").write_text(json.dumps(TOKENIZER, indent=2) + "\n")


@torch.no_grad()
def sample(model, tokenizer, prompt, count):
    """`prompt` continued with the settings of generation_config.json, up to `count` tokens or EOS."""
    torch.manual_seed(SEED)
    ids = torch.tensor([[BOS] + tokenizer.encode(prompt)])
    settings = {key: GENERATION[key] for key in ("do_sample", "temperature", "top_k", "top_p")}
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, pad_token_id=EOS, **settings)
    return tokenizer.decode([token for token in out[0].tolist() if token not in (BOS, EOS)])


def train(model, stream, starts, options, validate):
    """Runs the schedule; returns the seconds it took. A checkpoint in options.work is picked up where it stopped."""
    optimiser = optimiser_for(model)
    generator = torch.Generator().manual_seed(SEED)
    checkpoint, first, spent, running = options.work / "checkpoint.pt", 0, 0.0, None
    if checkpoint.exists():
        state = torch.load(checkpoint)
        if state["steps"] != options.steps:
            raise SystemExit(f"train: {checkpoint} is of a run of {state['steps']} steps; pass the same or remove it")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        first, spent, running = state["step"], state["seconds"], state["running"]
    begin = time.monotonic() - spent
    for step in range(first, options.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, options.steps, options.peak)
        ids = training_batch(stream, starts, options.batch, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.autocast):
            loss = loss_of(model, ids)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 50 == 0 or step + 1 == options.steps:
            print(f"step {step + 1}/{options.steps}  loss {running:.3f}  {time.monotonic() - begin:.0f} s", flush=True)
        if (step + 1) % options.every == 0 and step + 1 < options.steps:
            print("  validation {:.4f} nats a token, {:.4f} bits a character".format(*validate(model)), flush=True)
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                     "generator": generator.get_state(), "steps": options.steps, "running": running,
                     "seconds": time.monotonic() - begin}
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="directory of the trained model")
    parser.add_argument("--work", type=pathlib.Path, help="directory of checkpoints (default: OUTPUT with .work)")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=4, help="sequences of 512 tokens a step")
    parser.add_argument("--peak", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--autocast", action="store_true", help="bf16 matrix products (faster where there is AMX)")
    options = parser.parse_args()
    options.work = options.work or options.output.with_name(options.output.name + ".work")
    options.output.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)

    chapters = read_chapters()
    held_out = chapters[HELD_OUT_EVERY // 2::HELD_OUT_EVERY]
    kept = [c for i, c in enumerate(chapters) if i % HELD_OUT_EVERY != HELD_OUT_EVERY // 2]
    tokenizer = train_tokenizer(kept, options.output / "tokenizer.model")
    stream, starts = as_stream(tokenizer, kept)
    held_stream, _ = as_stream(tokenizer, held_out)
    master = {key: value for key, value in ARCHITECTURE.items() if key != "torch_dtype"}  # f32; saved as bf16
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**master)).train()
    print(f"{len(chapters)} chapters; {len(stream)} tokens to train on, {len(held_stream)} held out; "
          f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)

    seconds = train(model, stream, starts, options, lambda m: validation_loss(m, tokenizer, held_out))
    save(model, options.output)

    # The figures are of the shipped bf16 weights, read back and computed in f32.
    shipped = transformers.LlamaForCausalLM.from_pretrained(options.output, dtype=torch.float32).eval()
    nats, bits = validation_loss(shipped, tokenizer, held_out)
    training_nats, _ = validation_loss(shipped, tokenizer, kept[::HELD_OUT_EVERY])
    shipped.eval()
    figures = {
        "date": datetime.date.today().isoformat(), "package": package_version(), "chapters": len(chapters),
        "held_out_chapters": len(held_out), "training_tokens": len(stream), "held_out_tokens": len(held_stream),
        "steps": options.steps, "batch": options.batch, "peak": options.peak, "autocast": options.autocast,
        "threads": options.threads, "context": CONTEXT, "seed": SEED, "seconds": round(seconds),
        "training_loss": round(training_nats, 3), "validation_loss": round(nats, 3), "validation_bits": round(bits, 3),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
        "samples": [sample(shipped, tokenizer, prompt, 90) for prompt in PROMPTS],
    }
    print(json.dumps(figures, indent=2), flush=True)
    (options.output / "README.md").write_text(model_card(ARCHITECTURE, GENERATION, figures, PROMPTS))


if __name__ == "__main__":
    main()
