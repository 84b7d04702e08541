"""A run in legs on machines that share nothing: one folder goes out, one comes back.

    python -m gemma3_jax.training.leg out --folder .leg --workdir runs/joint          # packs, light pictures, the state
    python train.py --config C --cache .leg/cache --data .leg/data --from-pack .leg/state \
        --workdir /tmp/run --to-pack BACK --budget-minutes 8                          # there
    python -m gemma3_jax.training.leg home --folder BACK --workdir runs/joint2        # the state, and a model of it

The leg needs the training core alone (jax, flax, optax, orbax, numpy, pillow, jaxtyping, safetensors), and grain for real
scenes. The first line of `out` is for a first leg, too: without `--workdir` no state goes along.
"""

from __future__ import annotations

import shutil
from pathlib import Path

SETS = ("icdar2015/ch4_training_images", "icdar2015/ch4_training_localization_transcription_gt")
SETS += ("funsd", "sroie")  # what scenes are cut from
WORDLISTS = ("en_50k.txt", "1grams_english.csv", "dwyl_words.zip")
WORDS_QUALITY, PATCHES_QUALITY = 75, 85  # WebP
MIB = 2**20


def pack_leg(
    folder: Path, data: Path, cache: Path, workdir: Path | None = None, mib: float = 50.0
) -> dict[str, float]:
    """Fill `folder` with cache/, data/ and, of a run, state/; returns MiB by entry. data/ takes `mib` at most.

    The atlas goes as it is; word crops, backgrounds and scenes as WebP; of the word lists the English ones.

    Raises:
        FileExistsError: when `folder` is there already.
        FileNotFoundError: naming what `python -m gemma3_jax.data.packs` has not built yet.
        ValueError: when `mib` does not suffice, with both sizes.
    """
    from gemma3_jax.data.light_copy import light_copy
    from gemma3_jax.training.packed import pack

    if folder.exists():
        raise FileExistsError(f"{folder} is there already: remove it or choose another --folder")
    _pack_cache(cache, folder / "cache")
    if workdir is not None:
        pack(workdir, folder / "state", moments="bfloat16")
    lists = folder / "data" / "wordlists"
    lists.mkdir(parents=True)
    for name in WORDLISTS:
        shutil.copyfile(data / "wordlists" / name, lists / name)
    shutil.copyfile(data / "splits.json", folder / "data" / "splits.json")
    quality = light_copy(data, SETS, folder / "data", int(mib * MIB) - _bytes(folder / "data"))
    sizes = {path.name: _bytes(path) / MIB for path in sorted(folder.glob("*"))}
    return sizes | {"scenes' quality": quality}


def _pack_cache(cache: Path, out: Path) -> None:
    from gemma3_jax.data.packs import load_backgrounds, save_backgrounds
    from gemma3_jax.data.real import load_pack
    from gemma3_jax.data.word_pack import save_pack

    names = ("atlas.npz", "backgrounds.npz", "words_train.npz", "words_val.npz")
    if missing := [name for name in names if not (cache / name).exists()]:
        raise FileNotFoundError(
            f"{cache} lacks {', '.join(missing)}: python -m gemma3_jax.data.packs --cache {cache}"
        )
    out.mkdir(parents=True)
    shutil.copyfile(cache / "atlas.npz", out / "atlas.npz")
    save_backgrounds(
        out / "backgrounds.npz", load_backgrounds(cache / "backgrounds.npz"), PATCHES_QUALITY
    )
    for name in ("words_train.npz", "words_val.npz"):
        save_pack(load_pack(cache / name), out / name, WORDS_QUALITY)


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def out(
    folder: Path,
    workdir: Path | None = None,
    data: Path = Path("../shared/data"),
    cache: Path = Path(".cache/gemma3_jax"),
    mib: float = 50.0,
) -> None:
    """Pack what a leg needs into `folder`, its data/ in `mib` MiB at most; with `workdir` its newest state goes along."""
    for name, size in pack_leg(folder, data, cache, workdir, mib).items():
        print(f"{name:<16}{size:8.1f}")


def home(folder: Path, workdir: Path, model: Path | None = None) -> None:
    """Make a run of the state that came back and release it as `model` (WORKDIR/model), ready for eval.py --model."""
    from gemma3_jax.training.packed import unpack
    from gemma3_jax.training.release import main as release

    print(f"{workdir}: goes on from step {unpack(folder, workdir).step}")
    release(str(workdir), model or workdir / "model")


if __name__ == "__main__":
    import tyro

    tyro.extras.subcommand_cli_from_dict({"out": out, "home": home})
