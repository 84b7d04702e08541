"""What each subcommand of `gemma3-ocr` takes. The work is in its neighbours here, imported when it is asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, subcommand

from gemma3_jax.commands.arguments_read import Read


@dataclasses.dataclass
class View:
    """Open a page in the browser to drop pictures on and look at their words; it is served by and to this machine only."""

    model: str = "gemma3-base"
    """A model in the package, or a folder that save_pretrained wrote."""
    port: int = 8765
    """Where to listen; 0 takes any free port."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 serves the whole network, and asks nobody who they are."""
    no_browser: bool = False
    """Print the address only."""
    max_upload: int = 64
    """Largest file to take, MiB."""
    threads: int | None = None
    """Processor cores to use, all by default."""

    def run(self) -> int:
        from gemma3_jax.commands.view import view

        return view(self)


@dataclasses.dataclass
class Describe:
    """Print a model's sizes, multiply-adds, parameter counts, and how many pictures/s that lets a small board read."""

    model: str = "gemma3-base"
    """A model in the package, or a folder with config.json."""
    config: Path | None = None
    """A file of configs/ instead of a released model."""
    size: tuple[int, int] = (1280, 736)
    """Width and height of a picture whose multiply-adds to count, multiples of 32 px."""
    words: int = 10
    """How many words are read in it."""

    def run(self) -> int:
        from gemma3_jax.commands.describe import describe

        return describe(self.model, self.config, self.size, self.words)


@dataclasses.dataclass
class Synth:
    """Draw synthetic word crops or scenes, as training sees them, on one sheet to look at."""

    sheet: Path
    """Picture file to write."""
    scenes: bool = False
    """Whole scenes with the boxes of their words instead of word crops."""
    count: int | None = None
    """How many: 64 crops or 16 scenes unless told otherwise."""
    seed: int = 0
    """Another seed, another sheet."""
    difficulty: float = 1.0
    """0 (short, clean, upright words) to 1 (everything)."""
    wordlists: Path | None = None
    """Folder of word lists; a small built-in list otherwise."""

    def run(self) -> int:
        from gemma3_jax.commands.synth import synth

        return synth(self)


@dataclasses.dataclass
class Validate:
    """Look a folder of annotated pictures over before training on it; status 1 when training would suffer."""

    folder: Positional[Path]
    """Folder annotated with LabelImg, PPOCRLabel, Label Studio ... (docs/datasets.md)."""
    against: Path | None = None
    """Folder whose pictures must not be in this one: validation against training pictures."""
    sheet: Path | None = None
    """Picture file to draw some pictures to, with the boxes and texts that were understood."""
    format: str | None = None
    """Format of the annotations where it cannot be told from the files: voc, yolo, icdar2015 ..."""
    model: str = "gemma3-base"
    """Model whose characters count: in the package, or a folder with config.json."""

    def run(self) -> int:
        from gemma3_jax.commands.validate import validate

        return validate(self)


@dataclasses.dataclass
class LmBuild:
    """Make a language model from plain text (*.txt), lists with counts (*.csv: ngram,freq) or zipped word lists."""

    corpus: Positional[tuple[Path, ...]]
    """Files of text or of words."""
    output: Path
    """File to write, .npz."""
    alphabet: str | None = None
    """Letters to model; words with others are left out. All letters of the corpus by default."""
    order: int = 6
    """Longest run of letters that is counted."""
    prune: float = 4.0
    """Leave out n-grams whose loss costs less than as many nats in the corpus: more, a smaller file."""

    def run(self) -> int:
        from gemma3_jax.commands.lm import lm_build

        return lm_build(self)


@dataclasses.dataclass
class LmScore:
    """Say how likely texts are to a language model, in natural logarithms."""

    texts: Positional[tuple[str, ...]]
    """Texts to score."""
    language_model: str = "english"
    """A model in the package, or a file that `gemma3-ocr lm build` wrote."""

    def run(self) -> int:
        from gemma3_jax.commands.lm import lm_score

        return lm_score(self)


@dataclasses.dataclass
class Lm:
    """Language models that correct doubtful words."""

    command: Annotated[LmBuild, subcommand("build")] | Annotated[LmScore, subcommand("score")]

    def run(self) -> int:
        return self.command.run()


@dataclasses.dataclass
class CheckpointPack:
    """Write a run's newest state as files of at most 15 MiB, with checksums, to carry to another machine."""

    workdir: Positional[str]
    """Folder of the run, or its gs:// address."""
    output: str
    """Folder to write the files to."""
    best: bool = False
    """The state with the best validation instead of the newest."""
    moments: Literal["float32", "bfloat16"] = "float32"
    """How to store the optimizer's moments; bfloat16 saves a quarter and no longer resumes bit for bit."""

    def run(self) -> int:
        from gemma3_jax.commands.checkpoint import checkpoint_pack

        return checkpoint_pack(self)


@dataclasses.dataclass
class CheckpointUnpack:
    """Make a run of packed files; training goes on from it."""

    folder: Positional[str]
    """Folder with the files."""
    workdir: str
    """Folder of the new run, or its gs:// address."""

    def run(self) -> int:
        from gemma3_jax.commands.checkpoint import checkpoint_unpack

        return checkpoint_unpack(self)


@dataclasses.dataclass
class Checkpoint:
    """Carry training states between machines."""

    command: (
        Annotated[CheckpointPack, subcommand("pack")]
        | Annotated[CheckpointUnpack, subcommand("unpack")]
    )

    def run(self) -> int:
        return self.command.run()


@dataclasses.dataclass
class Train:
    """Train a model from a file of configs/ (see gemma3-ocr train --help)."""


@dataclasses.dataclass
class Eval:
    """Measure a model on validation sets (see gemma3-ocr eval --help)."""


@dataclasses.dataclass
class Export:
    """Write a model's files for other runtimes; each is checked against the model before it is left there."""

    format: str = "onnx"
    """onnx, onnx-int8, stablehlo, tflite, mnn, triton, or all of them (docs/export.md)."""
    model: str = "gemma3-base"
    """A model in the package, or a folder that save_pretrained wrote."""
    output: Path | None = None
    """Folder to write to, NAME-FORMAT by default; with all, each format gets a folder in it."""
    size: str = "640x640"
    """Width x height of the pictures, px, for tflite and triton, whose shapes are fixed; multiples of 32."""

    def run(self) -> int:
        from gemma3_jax.commands.export import export

        return export(self)


@dataclasses.dataclass
class Quantize:
    """Measure the ranges that --format onnx-int8 needs, while pictures are read, and write them into the model's folder."""

    model: str = "gemma3-base"
    """A model in the package, or a folder that save_pretrained wrote."""
    calibration: tuple[Path, ...] = ()
    """Folders of pictures like those that will be read; those in the package are always among them."""
    data: Path | None = None
    """Folder of the public sets (docs/datasets.md), of whose training parts pictures are taken too."""
    pictures: int = 12
    """Pictures of each folder and set."""
    drawn: int = 0
    """Scenes to draw as well, as training does; that takes half a minute to compile."""
    method: str = "99.999"
    """What of the values to keep: a percentage (99.9, 99.99, 99.999), max, least-squares or entropy."""
    output: Path | None = None
    """File to write instead of quantization.json in the model's folder."""

    def run(self) -> int:
        from gemma3_jax.commands.quantize import quantize

        return quantize(self)


@dataclasses.dataclass
class Doctor:
    """Say what is installed and what is missing, which devices and models there are, and how fast they read here."""

    def run(self) -> int:
        from gemma3_jax.commands.doctor import doctor

        return doctor()


Command = (
    Annotated[Read, subcommand("read")]
    | Annotated[View, subcommand("view")]
    | Annotated[Describe, subcommand("describe")]
    | Annotated[Synth, subcommand("synth")]
    | Annotated[Validate, subcommand("validate")]
    | Annotated[Lm, subcommand("lm")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Checkpoint, subcommand("checkpoint")]
    | Annotated[Eval, subcommand("eval")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Quantize, subcommand("quantize")]
    | Annotated[Doctor, subcommand("doctor")]
)
