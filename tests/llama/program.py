#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The llama program as people run it: wrong checkpoints, prompts from files, outputs that nobody reads.

    program.py LLAMA
"""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = SOURCE / "examples/llama/model"
REFERENCES = SOURCE / "tests/llama/references"
LLAMA = None


def run(*arguments, **options):
    """The finished program, on the host unless the arguments say something else."""
    arguments = [str(a) for a in arguments]
    if "--executor" not in arguments and "--help" not in arguments:
        arguments += ["--executor", "host"]
    environment = dict(os.environ, OMP_NUM_THREADS="1")  # other tests run beside this one
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 600,
               "env": environment} | options
    return subprocess.run([LLAMA, *arguments], **options)


def read_safetensors(path):
    """The header, and the data."""
    raw = path.read_bytes()
    length, = struct.unpack_from("<Q", raw)
    return json.loads(raw[8:8 + length]), raw[8 + length:]


def write_safetensors(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Llama(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def copy_of(self, model, **config):
        """A copy of a checkpoint, with these fields in its config.json."""
        copy = self.folder / f"copy{len(list(self.folder.iterdir()))}"
        shutil.copytree(model, copy)
        path = copy / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))
        return copy

    def add_tensors(self, model, tensors):
        """Adds tensors to the file of weights: name -> (dtype, shape, bytes)."""
        header, data = read_safetensors(model / "model.safetensors")
        for name, (dtype, shape, raw) in tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        write_safetensors(model / "model.safetensors", header, data)

    def succeeds(self, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fails(self, message, *arguments, **options):
        """The program ends with status 1, and with this in its one line of error."""
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertTrue(done.stderr.startswith("llama: "), done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done

    def test_tensors_that_the_model_does_not_use(self):
        def f32(n):
            return "F32", [n], bytes(4 * n)

        model = REFERENCES / "grouped_f32"
        layers = [f"model.layers.{i}.self_attn" for i in range(2)]
        qwen2 = self.copy_of(model)
        self.add_tensors(qwen2, {f"{layer}.{p}_proj.bias": f32(n) for layer in layers
                                 for p, n in (("q", 32), ("k", 16), ("v", 16))})
        self.fails('got 6 others: "model.layers.0.self_attn.k_proj.bias", "model.layers.0.self_attn.q_proj.bias", ',
                   qwen2, "--tokens", "1,5", "--count", "2")
        qwen3 = self.copy_of(model)
        self.add_tensors(qwen3, {f"{layer}.{p}_norm.weight": f32(8) for layer in layers for p in "qk"})
        self.fails('got 4 others: "model.layers.0.self_attn.k_norm.weight", ', qwen3, "--tokens", "1,5", "--count", "2")
        deeper = self.copy_of(model, num_hidden_layers=1)
        self.fails('got 9 others: "model.layers.1.input_layernorm.weight", ', deeper, "--tokens", "1,5", "--count", "2")

    def test_what_may_be_passed_over_whatever_its_type(self):
        tied = REFERENCES / "attention_bias_f32"
        other = self.copy_of(tied, torch_dtype="auto")
        self.add_tensors(other, {"lm_head.weight": ("F4", [3, 2], bytes(3)),
                                 "model.layers.0.self_attn.rotary_emb.inv_freq": ("F8_E8M0", [4], bytes(4))})
        ids = ("--tokens", "1,5", "--count", "5")
        self.assertEqual(self.succeeds(other, *ids), self.succeeds(tied, *ids))
        unread = self.copy_of(REFERENCES / "grouped_f32")
        header, data = read_safetensors(unread / "model.safetensors")
        header["model.norm.weight"]["dtype"] = "F8_E8M0"
        write_safetensors(unread / "model.safetensors", header, data)
        self.fails("model.norm.weight: expected F64, F32, F16 or BF16, got F8_E8M0", unread, *ids)

    def test_output_that_does_not_arrive(self):
        ids = (SHIPPED, "--tokens", "1,5", "--count", "5")
        for arguments in (ids, ("--help",), (SHIPPED, "--demo", "--count", "3")):
            with open("/dev/full", "w", encoding="ascii") as full:
                self.fails("standard output: expected to write to it, got: No space left on device", *arguments,
                           stdout=full)
            self.fails("got: Bad file descriptor", *arguments, stdout=None, preexec_fn=lambda: os.close(1))
            reader, writer = os.pipe()
            os.close(reader)
            self.fails("got: Broken pipe", *arguments, stdout=writer, restore_signals=False,
                       preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
            os.close(writer)

    def test_end_tokens_of_the_generation_config(self):
        prompt = (SHIPPED, "--tokens", "1,300,359", "--count", "8")
        ids = self.succeeds(*prompt).strip().split(",")
        self.assertEqual(len(ids), 8)
        chat = self.copy_of(SHIPPED)
        for end in (int(ids[4]), [7, int(ids[4])]):
            (chat / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))
            self.assertEqual(self.succeeds(chat, *prompt[1:]).strip().split(","), ids[:ids.index(ids[4])])
        (chat / "generation_config.json").write_text("{")
        self.fails("generation_config.json: expected valid JSON", chat, *prompt[1:])

    def test_logits_are_written_over_nothing_else(self):
        copy = self.copy_of(SHIPPED)
        model = copy / "model.safetensors"
        before = model.read_bytes()
        (self.folder / "link").symlink_to(model)
        for target in (model, self.folder / "link", copy / "config.json", copy / "tokenizer.model"):
            self.fails("expected a new file, or an .npy file to write over", copy, "--tokens", "1,5", "--count", "2",
                       "--dump-logits", target)
        self.assertEqual(model.read_bytes(), before)
        self.fails("--dump-logits: expected the name of a file", copy, "--tokens", "1", "--dump-logits", "")
        for _ in range(2):
            self.succeeds(copy, "--tokens", "1,5", "--count", "0", "--dump-logits", self.folder / "a.npy")
        self.assertIn(b"'shape': (2, 2048)", (self.folder / "a.npy").read_bytes()[:128])
        self.fails("expected a file that can be written", copy, "--tokens", "1", "--dump-logits", "/dev/full")

    def test_control_characters_in_what_the_user_writes(self):
        done = self.fails('"/\\x1b[31mred/config.json"', "/\x1b[31mred", "--tokens", "1")
        self.assertNotIn("\x1b", done.stderr)
        done = self.fails('--prompt-file: "/\\x1b[31mred"', SHIPPED, "--prompt-file", "/\x1b[31mred")
        self.assertNotIn("\x1b", done.stderr)

    def test_prompts_from_files_and_pipes(self):
        text = "In the beginning\nGod created"
        expected = self.succeeds(SHIPPED, "--prompt", text, "--count", "5")
        self.assertTrue(expected.startswith(text))
        file = self.folder / "prompt"
        for ending in ("", "\n"):
            file.write_text(text + ending)
            self.assertEqual(self.succeeds(SHIPPED, "--prompt-file", file, "--count", "5"), expected)
            piped = self.succeeds(SHIPPED, "--prompt-file", "-", "--count", "5", input=text + ending)
            self.assertEqual(piped, expected)
        ids = self.succeeds(SHIPPED, "--tokens", "1,300,359", "--count", "5")
        file.write_text("1\n300\n359\n")
        self.assertEqual(self.succeeds(SHIPPED, "--tokens-file", file, "--count", "5"), ids)
        self.assertEqual(self.succeeds(SHIPPED, "--tokens-file", "-", "--count", "5", input="1, 300, 359"), ids)
        self.fails("--tokens-file: expected integers", SHIPPED, "--tokens-file", "-", input="1;2")
        self.fails("--prompt-file: /none: expected a readable file", SHIPPED, "--prompt-file", "/none")

    def test_prompts_that_are_too_long(self):
        model = REFERENCES / "grouped_f32"
        for count in ((), ("--count", "0")):
            self.fails("prompt: expected at most 128 tokens, the positions that the model was made for, got 129; ",
                       model, "--tokens", ",".join(["5"] * 129), *count)
        self.fails("got 40000; shorten", model, "--tokens-file", "-", input=" ".join(["5"] * 40000))
        self.succeeds(model, "--tokens", ",".join(["5"] * 128))
        self.fails("--count: expected at most 28 tokens after a prompt of 100, got 29", model, "--tokens",
                   ",".join(["5"] * 100), "--count", "29")

    def test_linear_scaling_stretches_the_positions(self):
        model = REFERENCES / "linear_rope_bf16"
        self.succeeds(model, "--tokens", ",".join(["5"] * 500), "--count", "2")
        self.fails("prompt: expected at most 512 tokens", model, "--tokens", ",".join(["5"] * 513))

    def test_demo_compares_three_modes_or_says_why_not(self):
        def environment(value):
            return dict(os.environ, OMP_NUM_THREADS="1", FUSE_ENFORCE_EAGER=value)

        self.fails("--demo: expected three modes to compare, got FUSE_ENFORCE_EAGER", SHIPPED, "--demo",
                   env=environment("1"))
        table = self.succeeds(SHIPPED, "--demo", "--count", "3", env=environment("false"))
        self.assertRegex(table, "launches per token +310 +36 +1\n")
        self.assertIn(" of 310 kernels", run(SHIPPED, "--tokens", "1", "--count", "3", env=environment("1")).stderr)
        self.fails("--count: expected at least 2 with --demo, got 1", SHIPPED, "--demo", "--count", "1")
        first = self.succeeds(SHIPPED, "--tokens", "1,300", "--count", "2").strip().split(",")
        short = self.copy_of(SHIPPED)
        (short / "generation_config.json").write_text(json.dumps({"eos_token_id": int(first[1])}))
        self.assertIn("no table: ", self.succeeds(short, "--demo", "--tokens", "1,300", "--count", "4"))

    def test_options_that_would_do_nothing(self):
        for option in ("--top-k", "--top-p", "--seed"):
            self.fails(f"{option}: expected --temperature beside it", SHIPPED, "--prompt", "In the", option, "1")
        self.fails("--count: expected once, got twice", SHIPPED, "--prompt", "In the", "--count", "4", "--count", "5")

    def test_checkpoints_that_are_something_else(self):
        (self.folder / "model-q4.gguf").write_bytes(b"GGUF")
        self.fails('got "model-q4.gguf"; export', self.folder, "--tokens", "1")
        self.fails("q4.gguf: expected a model directory, got a file", self.folder / "model-q4.gguf", "--tokens", "1")
        torch = self.copy_of(SHIPPED)
        (torch / "model.safetensors").rename(torch / "pytorch_model.bin")
        self.fails('got "pytorch_model.bin"; export', torch, "--tokens", "1")
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        for name in ("model.safetensors", "config.json", "tokenizer.model"):
            for content, what in ((pointer, "a pointer of Git LFS"), ("<!doctype html>\n", "an HTML page")):
                copy = self.copy_of(SHIPPED)
                (copy / name).write_text(content)
                self.assertRegex(self.fails(f"got {what}", copy, "--prompt", "In").stderr, f"{name}: expected ")

    def test_text_without_a_tokenizer_that_is_read(self):
        copy = self.copy_of(SHIPPED)
        (copy / "tokenizer.model").rename(copy / "tokenizer.json")
        self.fails("expected tokenizer.model, got tokenizer.json alone; only models of SentencePiece are read: give "
                   "token ids with --tokens", copy, "--prompt", "In")
        self.succeeds(copy, "--tokens", "1,5", "--count", "1")

    def test_tokens_of_the_checkpoint(self):
        plain = SHIPPED
        other = self.copy_of(SHIPPED)
        settings = other / "tokenizer_config.json"
        settings.write_text(json.dumps({"add_bos_token": False}))

        def ids(model, prompt):
            """As many ids as there are rows of logits."""
            file = self.folder / "rows.npy"
            self.succeeds(model, "--prompt", prompt, "--count", "0", "--dump-logits", file)
            return int(file.read_bytes()[:128].split(b"'shape': (")[1].split(b",")[0])

        self.assertEqual(ids(plain, "And it"), 3)
        self.assertEqual(ids(other, "And it"), 2)
        self.assertEqual(ids(plain, "And it</s>"), 4)
        self.fails("prompt: expected some text, got none", other, "--prompt", "")

    def test_ids_beyond_the_tokenizer(self):
        # A padded vocabulary whose last token always wins over the one that would be chosen.
        prompt = ("--prompt", "And it came", "--count", "1")
        best = int(self.succeeds(SHIPPED, "--tokens", "1,300,359,478", "--count", "1"))
        padded = self.copy_of(SHIPPED, vocab_size=2049)
        header, data = read_safetensors(padded / "model.safetensors")
        name = "model.embed_tokens.weight"
        begin, end = header[name]["data_offsets"]
        row = struct.unpack_from("<256H", data, begin + 512 * best)
        double = struct.pack("<256H", *(x + 0x80 if x & 0x7f80 else x for x in row))
        for entry in header.values():
            if "data_offsets" in entry and entry["data_offsets"][0] >= end:
                entry["data_offsets"] = [x + 512 for x in entry["data_offsets"]]
        header[name] |= {"shape": [2049, 256], "data_offsets": [begin, end + 512]}
        write_safetensors(padded / "model.safetensors", header, data[:end] + double + data[end:])
        self.assertEqual(self.succeeds(padded, "--tokens", "1,300,359,478", "--count", "1"), "2048\n")
        self.assertEqual(self.succeeds(padded, *prompt), "And it came\n")
        for special, shown in ((False, "<extra>"), (True, "")):
            (padded / "tokenizer_config.json").write_text(json.dumps(
                {"added_tokens_decoder": {"2048": {"content": "<extra>", "special": special}}}))
            self.assertEqual(self.succeeds(padded, *prompt), f"And it came{shown}\n")
            self.assertEqual(self.succeeds(padded, "--prompt", "And<extra>", "--count", "0"), "And<extra>\n")

    def test_cuda_where_there_is_none(self):
        done = run(SHIPPED, "--tokens", "1", "--count", "1", "--executor", "cuda")
        if done.returncode != 0:
            self.assertRegex(done.stderr, "^llama: --executor: expected .* use --executor host")


if __name__ == "__main__":
    LLAMA = sys.argv.pop(1)
    unittest.main()
