# SPDX-License-Identifier: Apache-2.0
"""Writes the reference data of the Llama tests: tiny random checkpoints and what transformers computes from them.

    python make.py [--shipped ../../../examples/llama/model] [--only NAME ...]

Each directory beside this file is a Hugging Face checkpoint (config.json and weights) together with

    tokens.json     the prompt, a list of token ids
    logits.npy      f32 [tokens, vocab], LlamaForCausalLM computing in f32 with eager attention
    greedy.json     the 64 token ids that greedy decoding appends to the prompt in f32, EOS ignored
    precision.json  for f16 and bf16 weights: the largest and the root mean square error of transformers computing in
                    that type, relative to max |logit|

`shipped` holds the same of the example's own model, without a second copy of its weights. references.json lists the
directories, what each covers, and the margins found. tokens_in_text.json has, for some tokenizer_config.json beside the
example's tokenizer.model, the ids of texts with added and special tokens in them, and the texts of ids.

A reference is written only if it can fail a wrong implementation: every option it claims to cover moves the logits
by far more than the tests allow, and every greedy step is won by more than rounding could change. Seeds are tried in
order until one is fair. Needs the packages of examples/llama/train/requirements.txt.
"""
import argparse
import contextlib
import copy
import dataclasses
import json
import pathlib
import shutil
import tempfile

import numpy
import safetensors.torch
import sentencepiece
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
PROMPT_LENGTH = 24
GREEDY_LENGTH = 64
SHIPPED_PROMPT = ("And it came to pass in those days, that there went out a decree from the king, "
                  "saying, Let the people be gathered together")
TORCH_TYPE = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
# The tests allow f32 logits 2e-4 of the largest; what is to be told apart must lie well beyond that.
SMALLEST_EFFECT = 1e-2
SMALLEST_MARGIN = 1e-3
SMALLEST_SPREAD = 0.2
FEWEST_DISTINCT = 12
MOST_SEEDS = 500


@dataclasses.dataclass
class Checkpoint:
    """A random checkpoint: config.json as `config`, weights stored as `weights` in `shards` files."""
    name: str
    covers: list
    weights: str
    config: dict
    shards: int = 1
    scale: float = 0.3  # standard deviation of the weights
    inverse_frequencies: bool = False  # as old checkpoints store them; to be ignored
    without: list = dataclasses.field(default_factory=list)  # config changes that must move the logits


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}


def config(**fields):
    """The fields every config.json has, then `fields`; a field given as ... is left out."""
    common = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
              "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2, "num_attention_heads": 4,
              "num_key_value_heads": 2, "vocab_size": 101, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
              "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2}
    return {key: value for key, value in (common | fields).items() if value is not ...}


CHECKPOINTS = [
    Checkpoint("grouped_f32", ["f32", "single file", "grouped-query", "untied head"], "f32",
               config(torch_dtype="float32"), without=[{"rope_theta": 500.0}]),
    Checkpoint("first_llama_f16", ["f16", "single file", "multi-head", "untied head", "num_key_value_heads, head_dim "
               "and rope_theta left out of the config", "stored rotary_emb.inv_freq"], "f16",
               config(torch_dtype="float16", num_key_value_heads=..., rope_theta=..., rope_scaling=...,
                      attention_bias=..., mlp_bias=..., rms_norm_eps=1e-6), inverse_frequencies=True),
    Checkpoint("multi_query_bf16", ["bf16", "single file", "multi-query", "tied head", "odd vocabulary and MLP sizes"],
               "bf16", config(torch_dtype="bfloat16", num_key_value_heads=1, tie_word_embeddings=True, vocab_size=131,
                              intermediate_size=37)),
    Checkpoint("shards_bf16", ["bf16", "3 shards", "grouped-query", "untied head", "3 layers"], "bf16",
               config(torch_dtype="bfloat16", num_attention_heads=8, num_key_value_heads=2, num_hidden_layers=3),
               shards=3),
    Checkpoint("head_dim_f32", ["f32", "2 shards", "multi-head", "tied head", "head_dim other than hidden / heads"],
               "f32", config(torch_dtype="float32", hidden_size=40, intermediate_size=44, vocab_size=89,
                             num_key_value_heads=4, head_dim=16, tie_word_embeddings=True), shards=2),
    Checkpoint("theta_f32", ["f32", "single file", "grouped-query", "rope theta 500000", "rms_norm_eps 1e-2",
                             "rope_parameters form"], "f32",
               config(dtype="float32", rms_norm_eps=1e-2, head_dim=8, rope_theta=..., rope_scaling=...,
                      rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
               without=[{"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}, {"rms_norm_eps": 1e-5}]),
    Checkpoint("llama3_rope_f32", ["f32", "single file", "grouped-query", "llama3 rope scaling", "rope theta 20000",
                                   "eos_token_id list", "untied head"], "f32",
               config(torch_dtype="float32", head_dim=16, rope_theta=20000.0, rope_scaling=LLAMA3,
                      eos_token_id=[2, 7]),
               without=[{"rope_scaling": None}, {"rope_scaling": LLAMA3 | {"factor": 4.0}}, {"rope_theta": 10000.0},
                        {"rope_scaling": LLAMA3 | {"original_max_position_embeddings": 64}}]),
    Checkpoint("linear_rope_bf16", ["bf16", "single file", "grouped-query", "linear rope scaling", "untied head"],
               "bf16", config(torch_dtype="bfloat16", rope_scaling={"rope_type": "linear", "factor": 4.0}),
               without=[{"rope_scaling": None}, {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}]),
    Checkpoint("llama3_rope_parameters_bf16", ["bf16", "2 shards", "grouped-query", "llama3 rope scaling",
                                               "rope_parameters form", "tied head"], "bf16",
               config(dtype="bfloat16", head_dim=16, rope_theta=..., rope_scaling=..., tie_word_embeddings=True,
                      rope_parameters=LLAMA3 | {"rope_theta": 10000.0}), shards=2,
               without=[{"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}]),
    Checkpoint("attention_bias_f32", ["f32", "single file", "multi-query", "attention_bias", "tied head"], "f32",
               config(torch_dtype="float32", num_key_value_heads=1, attention_bias=True, tie_word_embeddings=True),
               without=[{"attention_bias": False}]),
    Checkpoint("mlp_bias_bf16", ["bf16", "single file", "grouped-query", "mlp_bias", "untied head"], "bf16",
               config(torch_dtype="bfloat16", mlp_bias=True), without=[{"mlp_bias": False}]),
    Checkpoint("everything_f16", ["f16", "4 shards", "grouped-query", "head_dim other than hidden / heads",
                                  "llama3 rope scaling", "rope theta 50000", "attention_bias", "mlp_bias",
                                  "rms_norm_eps 3e-2", "tied head", "3 layers"], "f16",
               config(torch_dtype="float16", hidden_size=36, num_attention_heads=6, num_key_value_heads=3, head_dim=8,
                      num_hidden_layers=3, attention_bias=True, mlp_bias=True, rms_norm_eps=3e-2, rope_theta=50000.0,
                      rope_scaling=LLAMA3, tie_word_embeddings=True), shards=4,
               without=[{"attention_bias": False}, {"mlp_bias": False}, {"rope_scaling": None}, {"rms_norm_eps": 1e-5},
                        {"rope_theta": 10000.0}]),
]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=None if isinstance(value, list) else 2) + "\n")


def random_weights(checkpoint, seed):
    """{name: tensor} in the stored type: normal, gains around 1, biases as wide as the weights."""
    generator = numpy.random.default_rng(seed)
    fields = copy.deepcopy(checkpoint.config)  # LlamaConfig writes into the dictionaries it is given
    shape_of = transformers.LlamaForCausalLM(transformers.LlamaConfig(**fields)).state_dict()
    weights = {}
    for name, like in sorted(shape_of.items()):
        if name == "lm_head.weight" and checkpoint.config["tie_word_embeddings"]:
            continue
        value = checkpoint.scale * generator.standard_normal(tuple(like.shape))
        if "norm" in name:
            value = 1 + value
        weights[name] = torch.from_numpy(value).to(TORCH_TYPE[checkpoint.weights])
    if checkpoint.inverse_frequencies:
        head = checkpoint.config["hidden_size"] // checkpoint.config["num_attention_heads"]
        for layer in range(checkpoint.config["num_hidden_layers"]):
            weights[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = (
                10000.0 ** -(torch.arange(0, head, 2, dtype=torch.float32) / head))
    return weights


def write_checkpoint(checkpoint, seed, folder):
    """config.json and the weights, in one file or in shards of about equal size with their index."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", checkpoint.config)
    weights = random_weights(checkpoint, seed)
    if checkpoint.shards == 1:
        safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    total = sum(value.nbytes for value in weights.values())
    files, where, before = [{} for _ in range(checkpoint.shards)], {}, 0
    for name, value in weights.items():
        shard = before * checkpoint.shards // total
        files[shard][name] = value
        where[name] = f"model-{shard + 1:05}-of-{checkpoint.shards:05}.safetensors"
        before += value.nbytes
    for name, shard in zip(sorted(set(where.values())), files, strict=True):
        safetensors.torch.save_file(shard, folder / name, metadata={"format": "pt"})
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": where})


@contextlib.contextmanager
def changed(folder, change):
    """A copy of the checkpoint whose config.json is changed."""
    with tempfile.TemporaryDirectory() as twin:
        shutil.copytree(folder, twin, dirs_exist_ok=True)
        path = pathlib.Path(twin, "config.json")
        fields = json.loads(path.read_text()) | change
        write_json(path, {key: value for key, value in fields.items() if value is not ...})
        yield pathlib.Path(twin)


def load(folder, dtype=torch.float32, complete=True):
    """The model of a directory; `complete` demands that every weight is stored and every stored one is used."""
    model, report = transformers.LlamaForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    unused = [key for key in report["unexpected_keys"] if "rotary_emb.inv_freq" not in key]
    if complete and (report["missing_keys"] or report["mismatched_keys"] or unused):
        raise SystemExit(f"make: {folder} does not load completely: {report}")
    return model.eval()


@torch.no_grad()
def logits_of(model, tokens):
    """f32 [tokens, vocab]"""
    return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].float()


@torch.no_grad()
def greedy(model, tokens):
    """(the ids appended, the smallest lead of a winner over its runner-up relative to max |logit|)"""
    ids, lead = list(tokens), float("inf")
    for _ in range(GREEDY_LENGTH):
        first, second = logits_of(model, ids)[-1].topk(2).values.tolist()
        lead = min(lead, first - second)
        ids.append(int(logits_of(model, ids)[-1].argmax()))
    return ids[len(tokens):], lead / logits_of(model, ids).abs().max().item()


def relative_error(value, reference):
    return ((value - reference).abs().max() / reference.abs().max()).item()


def root_mean_square_error(value, reference):
    return ((value - reference).double().square().mean().sqrt() / reference.abs().max()).item()


def other_rope_form(fields):
    """The change that turns a config with rope_theta and rope_scaling into the rope_parameters form, or back."""
    if "rope_parameters" in fields:
        scaling = dict(fields["rope_parameters"])
        theta = scaling.pop("rope_theta")
        return {"rope_parameters": ..., "rope_theta": theta,
                "rope_scaling": None if scaling["rope_type"] == "default" else scaling}
    parameters = (fields.get("rope_scaling") or {"rope_type": "default"}) | {
        "rope_theta": fields.get("rope_theta", 10000.0)}
    return {"rope_theta": ..., "rope_scaling": ..., "rope_parameters": parameters}


def unfair(checkpoint, folder, model, tokens):
    """Why the checkpoint in `folder` could pass a wrong implementation, or None."""
    logits = logits_of(model, tokens)
    spread = (logits - logits.mean(0)).abs().max() / logits.abs().max()
    if spread < SMALLEST_SPREAD:
        return f"logits hardly depend on the prompt ({spread:.2g})"
    ids, lead = greedy(model, tokens)
    if lead <= SMALLEST_MARGIN:
        return f"near tie on the greedy path ({lead:.2g})"
    if len(set(ids)) < FEWEST_DISTINCT:
        return f"greedy path of {len(set(ids))} distinct tokens"
    for change in checkpoint.without:
        with changed(folder, change) as twin:
            effect = relative_error(logits_of(load(twin, complete=False), tokens), logits)
        if effect < SMALLEST_EFFECT:
            return f"{change} would move the logits by {effect:.2g} only"
    with changed(folder, other_rope_form(checkpoint.config)) as twin:
        effect = relative_error(logits_of(load(twin), tokens), logits)
    if effect != 0:
        raise SystemExit(f"make: {checkpoint.name}: the two forms of rope settings differ by {effect:.2g}")
    return None


def write_reference(model, weights, tokens, source, folder):
    """The data of one directory; returns the figures for references.json."""
    folder.mkdir(parents=True, exist_ok=True)
    logits = logits_of(model, tokens)
    ids, lead = greedy(model, tokens)
    write_json(folder / "tokens.json", tokens)
    write_json(folder / "greedy.json", ids)
    numpy.save(folder / "logits.npy", logits.numpy())
    figures = {"max_logit": logits.abs().max().item(), "smallest_greedy_margin": lead}
    if weights != "f32":
        half = logits_of(load(source, TORCH_TYPE[weights]), tokens)
        error, mean = relative_error(half, logits), root_mean_square_error(half, logits)
        figures |= {"transformers_error": error, "transformers_rms_error": mean}
        write_json(folder / "precision.json", {"dtype": weights, "max_error_over_max_logit": error,
                                               "rms_error_over_max_logit": mean})
    return figures


def tiny(checkpoint):
    """Writes one random checkpoint with its reference, by the first seed that is fair."""
    for seed in range(1, MOST_SEEDS + 1):
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            write_checkpoint(checkpoint, seed, folder)
            model = load(folder)
            tokens = numpy.random.default_rng(1000 + seed).integers(3, checkpoint.config["vocab_size"], PROMPT_LENGTH)
            tokens = [checkpoint.config["bos_token_id"], *tokens.tolist()[1:]]
            reason = unfair(checkpoint, folder, model, tokens)
            if reason:
                print(f"{checkpoint.name}: seed {seed}: {reason}", flush=True)
                continue
            figures = write_reference(model, checkpoint.weights, tokens, folder, folder)
            shutil.rmtree(HERE / checkpoint.name, ignore_errors=True)
            shutil.copytree(folder, HERE / checkpoint.name)
        return {"directory": checkpoint.name, "checkpoint": checkpoint.name, "weights": checkpoint.weights,
                "covers": checkpoint.covers, "seed": seed, **figures}
    raise SystemExit(f"make: {checkpoint.name}: no fair seed among {MOST_SEEDS}")


def shipped(path):
    """The reference of the example's model: a sentence, encoded by its tokenizer after BOS."""
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path / "tokenizer.model"))
    tokens = [tokenizer.bos_id(), *tokenizer.encode(SHIPPED_PROMPT)]
    shutil.rmtree(HERE / "shipped", ignore_errors=True)
    figures = write_reference(load(path), "bf16", tokens, path, HERE / "shipped")
    greedy_ids = json.loads((HERE / "shipped" / "greedy.json").read_text())
    return {"directory": "shipped", "checkpoint": "../../../examples/llama/model", "weights": "bf16",
            "covers": ["the shipped model", "bf16", "single file", "grouped-query", "tied head", "tokenizer.model"],
            "prompt": SHIPPED_PROMPT, "greedy_text": tokenizer.decode(greedy_ids), **figures}


ADDED_TOKENS = {
    "2048": {"content": "<|turn|>", "special": True, "lstrip": False, "rstrip": False},
    "2049": {"content": "<note>", "special": False, "lstrip": False, "rstrip": False},
    "2050": {"content": "<note>s", "special": False, "lstrip": False, "rstrip": False},
    "2051": {"content": "<bare>", "special": True, "lstrip": True, "rstrip": True}}
TOKENIZER_CONFIGS = [
    {"add_bos_token": True},
    {"add_bos_token": False, "added_tokens_decoder": ADDED_TOKENS},
    {"add_bos_token": True, "added_tokens_decoder": ADDED_TOKENS, "legacy": False},
    {"add_bos_token": True, "added_tokens_decoder": ADDED_TOKENS, "legacy": True},
    {"add_bos_token": True, "added_tokens_decoder": ADDED_TOKENS, "add_prefix_space": False},
    {"add_bos_token": True, "added_tokens_decoder": ADDED_TOKENS, "bos_token": "<|turn|>"}]
TEXTS_WITH_TOKENS = [
    "", "And it came", "<s>And it", "And </s> it", "And</s>it", "<unk>it", "<|turn|>user\nAnd<note>it<|turn|>",
    "a<note>s<note>b", "And <bare> \n it", "And<bare>it", "<|turn|", "caf\u00e9<note>\u20ac"]
IDS_WITH_TOKENS = [
    [1, 2049, 300, 2049, 301], [2048, 300], [300, 2049, 300, 2048, 301], [300, 2], [300, 0, 301], [2050], [2051, 2049],
    [300, 201, 2048, 150, 301]]


def tokens_in_text(path):
    """tokens_in_text.json: what transformers makes of added tokens."""
    entries = []
    for fields in TOKENIZER_CONFIGS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            shutil.copy(path / "tokenizer.model", folder)
            shutil.copy(path / "config.json", folder)
            write_json(folder / "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"} | fields)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            entries.append({
                "config": fields, "encoded": [[text, tokenizer(text).input_ids] for text in TEXTS_WITH_TOKENS],
                "decoded": [[ids, tokenizer.decode(ids, skip_special_tokens=True)] for ids in IDS_WITH_TOKENS
                            if max(ids) < len(tokenizer)]})
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    (HERE / "tokens_in_text.json").write_text(f"[\n{lines}\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shipped", type=pathlib.Path, default=HERE / "../../../examples/llama/model")
    parser.add_argument("--only", nargs="+", help="directories to write anew; the others stay as they are")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    listing = HERE / "references.json"
    known = json.loads(listing.read_text())["references"] if listing.exists() else []
    entries = {entry["directory"]: entry for entry in known}
    for name, write in [(c.name, lambda c=c: tiny(c)) for c in CHECKPOINTS] + [
            ("shipped", lambda: shipped(options.shipped))]:
        if not options.only or name in options.only:
            entries[name] = write()
            print(json.dumps(entries[name]), flush=True)
    if not options.only:
        tokens_in_text(options.shipped)
    order = [c.name for c in CHECKPOINTS] + ["shipped"]
    write_json(listing, {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
                         "references": [entries[name] for name in order if name in entries]})


if __name__ == "__main__":
    main()
