"""TRL's trainers take the exports as they are, and train on what they should."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_pairs import dialogue, document, exact, pair, worse

from wildgraph.checkers import check, reward
from wildgraph.exporting import write_datasets
from wildgraph.records import content_hash
from wildgraph.stages.export import ExportConfig

pytest.importorskip("trl", reason="trl is not installed")

from tiny_trainee import save_model

#: Longer than what TRL takes by default, which is 1,024 tokens from the front: of these rows nothing but document.
LONG = document("long", " ".join(f"Clause {place}: item {place % 7} costs {place * 3} euros." for place in range(150)))
STORE = {LONG.hash: LONG}
OBJECTIVES = ("sft", "dpo", "grpo")


def pairs():
    for place in range(12):
        yield pair(
            f"What does item number {place} cost according to the clauses?",
            f"{place * 3} euros",
            documents=(LONG,),
            spans=(),
            index=place,
            split="test" if place in (3, 7) else "train",
            alternatives=(worse(f"{place * 3 + 1} euros"),),
            checkers=(exact(f"{place * 3} euros"),),
            pass_rate=0.5,
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trl")
    model = save_model(folder / "model", [LONG.text, "What does item number cost according to the clauses? euros"], length=16_384)

    def write(name, items, to=OBJECTIVES, **settings):
        out = folder / name
        config = ExportConfig(to=to, validate_with=str(model), **settings)
        write_datasets(lambda: iter(items), out, config, document=STORE.__getitem__)
        return out

    data = write("data", list(pairs()))
    talks = write("talks", [dialogue(documents=(LONG,), index=place) for place in range(4)], to=("sft",))
    few = write("few", list(pairs())[:3], to=("grpo",))
    held_out = write("held-out", [one for one in pairs() if one.split == "test"], to=("grpo",))
    return {"model": model, "data": data, "talks": talks, "few": few, "held-out": held_out, "folder": folder}


def loaded(made, objective, data="data"):
    from datasets import load_dataset

    return load_dataset(str(made[data]), objective, split="train", cache_dir=str(made["folder"] / "cache"))


def settings(made, objective, **more):
    """What every trainer here gets; what the script of the export says of lengths."""
    script = (made["data"] / f"trl_{objective}.py").read_text()
    limits = {
        line.split(" = ")[0]: int(line.split(" = ")[1]) for line in script.splitlines() if line.startswith(("MAX_LENGTH", "MAX_COMPLETION"))
    }
    return limits, {
        "output_dir": str(made["folder"] / f"out-{objective}"),
        "max_steps": 2,
        "learning_rate": 1e-2,
        "per_device_train_batch_size": 2,
        "bf16": False,
        "report_to": "none",
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
        **more,
    }


def weights(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def changed(before, model):
    return [name for name, value in model.named_parameters() if not value.equal(before[name])]


def test_sft_trains_on_the_completion_and_on_nothing_else(made):
    from trl import SFTConfig, SFTTrainer

    limits, common = settings(made, "sft")
    rows = loaded(made, "sft")
    trainer = SFTTrainer(model=str(made["model"]), args=SFTConfig(max_length=limits["MAX_LENGTH"], **common), train_dataset=rows)
    tokenizer = trainer.processing_class
    assert len(trainer.train_dataset) == len(rows) == 10
    for row, seen in zip(rows, trainer.train_dataset, strict=True):
        whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=True)["input_ids"]
        assert seen["input_ids"] == whole  # nothing is cut off
        assert row["n_tokens"] == len(whole) > 1024
        trained = [token for token, label in zip(seen["input_ids"], seen["labels"], strict=True) if label != -100]
        assert trained == [label for label in seen["labels"] if label != -100]
        assert tokenizer.decode(trained) == f"{row['completion'][0]['content']}<|end|>"
    before = weights(trainer.model)
    trainer.train()
    assert changed(before, trainer.model)


def test_trls_own_length_would_leave_nothing_to_train_on(made):
    """What the test above sees where the length is not set: every row is cut off before its answer, and dropped without a word."""
    from trl import SFTConfig, SFTTrainer

    _, common = settings(made, "sft")
    trainer = SFTTrainer(model=str(made["model"]), args=SFTConfig(**common), train_dataset=loaded(made, "sft"))
    assert len(trainer.train_dataset) == 0


def test_every_answer_of_a_dialogue_is_trained_on_and_no_question(made):
    from trl import SFTConfig, SFTTrainer

    rows = loaded(made, "sft", "talks")
    limits, common = settings(made, "sft", output_dir=str(made["folder"] / "out-talks"))
    assert "ASSISTANT_ONLY = True" in (made["talks"] / "trl_sft.py").read_text()
    assert "ASSISTANT_ONLY = False" in (made["data"] / "trl_sft.py").read_text()
    config = SFTConfig(max_length=limits["MAX_LENGTH"] + 1024, assistant_only_loss=True, completion_only_loss=True, **common)
    trainer = SFTTrainer(model=str(made["model"]), args=config, train_dataset=rows)
    for row, seen in zip(rows, trainer.train_dataset, strict=True):
        trained = [label for label in seen["labels"] if label != -100]
        answers = [message["content"] for message in row["messages"] if message["train"]]
        assert len(answers) == 3
        assert trainer.processing_class.decode(trained) == "".join(f"{answer}<|end|>" for answer in answers)
    before = weights(trainer.model)
    trainer.train()
    assert changed(before, trainer.model)


def test_dpo_sees_both_answers_whole_and_different(made):
    from trl import DPOConfig, DPOTrainer

    limits, common = settings(made, "dpo")
    rows = loaded(made, "dpo")
    trainer = DPOTrainer(model=str(made["model"]), args=DPOConfig(max_length=limits["MAX_LENGTH"], **common), train_dataset=rows)
    tokenizer = trainer.processing_class
    assert len(trainer.train_dataset) == len(rows) == 10
    for row, seen in zip(rows, trainer.train_dataset, strict=True):
        assert tokenizer.decode(seen["chosen_ids"]) == f"{row['chosen'][0]['content']}<|end|>"
        assert tokenizer.decode(seen["rejected_ids"]) == f"{row['rejected'][0]['content']}<|end|>"
        assert seen["chosen_ids"] != seen["rejected_ids"]
        longest = len(seen["prompt_ids"]) + max(len(seen["chosen_ids"]), len(seen["rejected_ids"]))
        assert 1024 < longest == row["n_tokens"] < limits["MAX_LENGTH"]
    batch = trainer.data_collator([trainer.train_dataset[0]])
    kept = batch["completion_mask"].sum(dim=1).tolist()  # the collator is where TRL truncates
    assert kept == [len(trainer.train_dataset[0][name]) for name in ("chosen_ids", "rejected_ids")]
    before = weights(trainer.model)
    trainer.train()
    assert changed(before, trainer.model)
    assert all(abs(entry["loss"]) < 10 for entry in trainer.state.log_history if "loss" in entry)


def test_grpo_rewards_are_what_the_checkers_say(made, monkeypatch):
    import torch
    from trl import GRPOConfig, GRPOTrainer

    limits, common = settings(made, "grpo", per_device_train_batch_size=4, num_generations=4)
    rows = loaded(made, "grpo")
    seen = []

    def watched(prompts, completions, completion_ids=None, **columns):
        earned = reward(prompts, completions, completion_ids, **columns)
        seen.append((completions, columns["checker"], columns["checker_args"], earned))
        return earned

    config = GRPOConfig(max_completion_length=32, **common)
    assert limits["MAX_COMPLETION"] >= 256
    answers = {content_hash(row["prompt"]): (row["answer"], row["n_tokens"]) for row in rows}
    lengths = []

    def scripted(prompts, trainer):
        """In the place of the model: every other answer is right; each prompt comes as often as it is to be answered."""
        tokenizer = trainer.processing_class
        found = {"prompt_ids": [], "completion_ids": [], "logprobs": None}
        for place, prompt in enumerate(prompts):
            answer, length = answers[content_hash(prompt)]
            ids = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]
            lengths.append((len(ids), length))
            text = answer if place % 2 == 0 else "nothing at all"
            found["prompt_ids"].append(ids)
            found["completion_ids"].append(tokenizer(f"{text}<|end|>", add_special_tokens=False)["input_ids"])
        return found

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    trainer = GRPOTrainer(model=str(made["model"]), reward_funcs=watched, args=config, train_dataset=rows, rollout_func=scripted)
    before = weights(trainer.model)
    trainer.train()
    assert changed(before, trainer.model)
    assert len(seen) == 2
    for completions, checkers, arguments, earned in seen:
        direct = [check(name, said[0]["content"], args).share for said, name, args in zip(completions, checkers, arguments, strict=True)]
        assert earned == direct
        assert set(earned) == {0.0, 1.0}
        assert torch.tensor(earned).std() > 0
    assert lengths
    assert all(seen == exported > 1024 for seen, exported in lengths)  # prompts come whole, and are as long as the export says
    logged = [entry for entry in trainer.state.log_history if "reward_std" in entry]
    assert logged
    assert all(entry["reward_std"] > 0 for entry in logged)


#: Runs scripts one after the other as ``python SCRIPT ...`` would, and says how each ended: importing TRL takes longer than training here.
DRIVER = """
import json, runpy, sys
for script, arguments in json.loads(sys.argv[1]):
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
        print("ENDED", json.dumps("well"))
    except SystemExit as stopped:
        print("ENDED", json.dumps(str(stopped.code)))
"""


def test_the_scripts_of_the_export_run_and_stop_where_rows_would_be_cut_off(made, tmp_path):
    def call(data, objective, name, *more):
        common = ["--model", made["model"], "--output", tmp_path / name, "--steps", "2", "--accumulate", "1", *more]
        return str(made[data] / f"trl_{objective}.py"), tuple(map(str, common))

    wanted = {
        call("data", "sft", "sft", "--batch-size", "2"): "well",
        call("talks", "sft", "talks", "--batch-size", "2"): "well",
        call("data", "dpo", "dpo", "--only-matched"): "well",
        call("data", "grpo", "grpo", "--generations", "2", "--max-completion", "8"): "well",
        call("few", "grpo", "few", "--generations", "2", "--max-completion", "8", "--accumulate", "8", "--steps", "-1"): "well",
        call("held-out", "grpo", "no"): "there are no rows to train on",
        call("data", "sft", "no", "--max-length", "1024"): "rows are cut off at --max-length 1024: give a larger one",
        call("data", "dpo", "no", "--max-length", "1024"): "rows are cut off at --max-length 1024: give a larger one",
        call("data", "grpo", "no", "--max-prompt", "1024", "--generations", "2"): "more than --max-prompt 1024",
        call("data", "grpo", "no", "--max-completion", "16000", "--generations", "2"): "do not fit a model of 16384",
    }
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(list(wanted))],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    ended = [json.loads(line.removeprefix("ENDED ")) for line in done.stdout.splitlines() if line.startswith("ENDED ")]
    assert len(ended) == len(wanted), done.stderr[-3000:]
    for (call_, says), end in zip(wanted.items(), ended, strict=True):
        assert says in end, (call_, end)
    assert "3 rows are fewer than the prompts of a step: 3 batches in a step in place of 8" in done.stdout
    for name in ("sft", "talks", "dpo", "grpo", "few"):
        assert (tmp_path / name / "model.safetensors").is_file()
    assert not (tmp_path / "no" / "model.safetensors").exists()
